export const meta = { name: 'lost', description: 'Inherited options and a function in the place of one' }
const said = []
for (let i = 0; i < 3; i++) said.push(await agent(`inherited ${i}`, Object.create({ maxTurns: 3 })))
export default said
