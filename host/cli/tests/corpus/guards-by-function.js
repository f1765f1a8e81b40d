export const meta = { name: 'guards-by-function', description: 'Looks at null in a helper' }

function must(value, what) {
  if (value === null || value === undefined) throw new Error(`no ${what}`)
  return value
}

const plan = await agent('Make a plan with three steps.', {
  schema: { type: 'object', properties: { steps: { type: 'array', items: { type: 'string' } } }, required: ['steps'] },
})
must(plan, 'plan')
const done = []
for (const [index, step] of plan.steps.entries()) {
  const text = must(await agent(`Step ${index + 1}: ${step}`), 'answer')
  done.push(text.split('\n')[0])
}
return { done }
