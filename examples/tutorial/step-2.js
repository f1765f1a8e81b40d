export const meta = {
  name: 'stale-docs',
  description: 'Finds documentation that the code contradicts',
}

const CLAIMS = {
  type: 'object',
  properties: {
    claims: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          statement: { type: 'string', description: 'The words of the document' },
          place: { type: 'string', description: 'file:line of the code that contradicts it' },
        },
        required: ['statement', 'place'],
      },
    },
  },
  required: ['claims'],
}

const read = await agent(
  'Read README.md, and the code that it is about. List each statement that is no longer true. Change no file.',
  { label: 'README.md', schema: CLAIMS },
)
return read.claims.map(claim => `${claim.place}: ${claim.statement}`)
