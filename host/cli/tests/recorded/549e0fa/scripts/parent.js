export const meta = { name: 'parent', description: 'Children whose phases say what holds' }
const said = []
for (let n = 0; n < 3; n++) said.push(await workflow({ scriptPath: 'kid.js' }, { n }))
return said
