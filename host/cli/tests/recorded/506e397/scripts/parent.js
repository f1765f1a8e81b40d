export const meta = { name: 'parent', description: 'Children, a sleep and a failure' }
const said = []
for (let n = 0; n < 3; n++) said.push(await workflow({ scriptPath: 'kid.js' }, { n }))
await SW.extra.sleep(5)
said.push(await agent('fails'))
return said
