export const meta = { name: 'null-answer', description: 'Trusts each answer' }

const SPEC = {
  type: 'object',
  properties: { title: { type: 'string' }, tasks: { type: 'array', items: { type: 'string' } } },
  required: ['title', 'tasks'],
}
const spec = await agent('Write a spec', { schema: SPEC })
log(spec.title)
const done = await parallel(['x', 'y'].map((task) => () => agent(`Do ${task}`, { schema: SPEC })))
const titles = done.map((one) => one.title)
return { titles }
