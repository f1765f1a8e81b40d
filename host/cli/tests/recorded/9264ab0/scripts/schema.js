export const meta = { name: 'schema', description: 'Structured answers, one corrected', phases: [{ title: 'Ask', detail: 'all' }, { title: 'Sum' }] }
phase('Ask')
const schema = { type: 'object', properties: { n: { type: 'integer' }, names: { type: 'array', items: { type: 'string' } } }, required: ['n'], additionalProperties: false }
const all = await parallel(['a', 'b', 'c'].map(name => () => agent(`count ${name}`, { label: name, schema })))
let broken
try { await agent('breaks it', { schema }) } catch (error) { broken = error.code }
phase('Sum')
return { all, broken, spent: budget.spent() > 0, total: budget.total }
