export const meta = { name: 'family', description: 'Three children, then one agent' }
const kids = await parallel([0, 1, 2].map(n => () => workflow({ scriptPath: 'kid.js' }, { n })))
phase('Sum')
const sum = await agent(`sum of ${kids.length}`)
return { kids, sum }
