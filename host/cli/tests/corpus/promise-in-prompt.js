export const meta = { name: 'promise-in-prompt', description: 'Plans and executes' }

const goal = args?.goal ?? 'ship it'
const plan = agent(`Make a plan to ${goal}`, { label: 'plan' })
const done = await agent(`Carry out this plan:\n${plan}`, { label: 'execute' })
return { done }
