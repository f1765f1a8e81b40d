export const meta = { name: 'refused', description: 'A function in a result is refused' }
const said = await agent('hello')
return { said, list: [1, () => 2] }
