export const meta = { name: 'fan', description: 'Agents at once, then one after the other' }
const said = await parallel([0, 1, 2].map(i => () => agent(`fan ${i} ${'x'.repeat(i * 5000)}`)))
log(`said ${said.length}`)
for (let i = 0; i < 3; i++) said.push((await agent(`then ${i}`)).length)
return said.map(one => String(one).length)
