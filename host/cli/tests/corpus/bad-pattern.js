export const meta = { name: 'bad-pattern', description: 'Has a pattern that nothing can match' }

const VERSION = '^v(\\d+\\.\\d+'
const schema = {
  type: 'object',
  properties: { version: { type: 'string', pattern: VERSION }, notes: { type: 'string' } },
  required: ['version'],
}
const release = await agent('Which version is next?', { schema })
return release ?? { version: 'unknown' }
