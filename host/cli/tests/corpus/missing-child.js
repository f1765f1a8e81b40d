export const meta = { name: 'missing-child', description: 'Its children have moved' }

const notes = ['a', 'b']
const summary = await workflow({ scriptPath: './children/summarise.js' }, { notes })
const team = await workflow('triag', { issue: 'x' })
return { summary, team }
