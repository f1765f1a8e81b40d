export const meta = { name: 'object-prompt', description: 'Gives objects where texts belong' }

const TASKS = [
  { id: 'lint', prompt: 'Lint the code' },
  { id: 'test', prompt: 'Test the code' },
]
const first = await agent({ id: 'setup', prompt: 'Set up the project' })
const results = await parallel(TASKS.map((task) => () => agent(task)))
const plan = await agent('Plan', { schema: { type: 'object', properties: { steps: { type: 'array' } } } })
const done = await agent(`Execute ${plan}`)
return { first, results, done }
