export const meta = { name: 'kid', description: 'A child' }
if (args.fail) throw new RangeError('the child says no')
phase('Inside')
await agent('inside the child', { schema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] } })
