export const meta = {
  name: 'stale-docs',
  description: 'Finds documentation that the code contradicts',
  args: {
    properties: {
      where: { type: 'string', description: 'Folder of the documents', default: 'docs' },
      most: { type: 'integer', minimum: 1, maximum: 50, description: 'Documents to read', default: 10 },
    },
    additionalProperties: false,
  },
  phases: [{ title: 'List' }, { title: 'Read' }],
}

const FILES = {
  type: 'object',
  properties: { files: { type: 'array', items: { type: 'string' } } },
  required: ['files'],
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
const VERDICT = {
  type: 'object',
  properties: { wrong: { type: 'boolean', description: 'Whether the document is wrong' } },
  required: ['wrong'],
}

phase('List')
const listed = await agent(`List the Markdown files in ${args.where} that describe how this project behaves.`, {
  label: 'list',
  schema: FILES,
})
if (listed === null) throw new Error('no agent listed the documents')

phase('Read')
const found = await pipeline(
  listed.files.slice(0, args.most),
  file =>
    agent(`Read ${file}, and the code that it is about. Quote each statement that is no longer true, word for word. Change no file.`, {
      label: file,
      schema: CLAIMS,
    }),
  (read, file) =>
    parallel(
      read.claims.map(claim => async () => {
        const verdict = await agent(
          `${file} says: "${claim.statement}". Someone says that ${claim.place} contradicts it. Try to show that the document is right.`,
          { label: `doubt ${file}`, schema: VERDICT },
        )
        if (verdict?.wrong === false) return null
        return { file, ...claim, doubted: verdict !== null }
      }),
    ),
)
const read = found.filter(claims => claims !== null)
return { stale: read.flat().filter(Boolean), unread: found.length - read.length }
