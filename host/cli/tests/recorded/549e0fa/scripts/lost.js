export const meta = { name: 'lost-body', description: 'A function, nothing and near misses in the place of options' }
const said = []
for (let i = 0; i < 3; i++) {
  said.push(await agent(`function ${i}`, { maxTurns: () => 3 }))
  said.push(await agent(`empty ${i}`, { maxTurns: '' }))
  said.push(await agent(`lower ${i}`, { maxturns: 3, Permissions: 'read', Tools: ['Read'] }))
}
return said
