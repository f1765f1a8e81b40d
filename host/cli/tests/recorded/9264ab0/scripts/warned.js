export const meta = { name: 'warned', description: 'What is lost is warned of' }
const kept = await agent('kept', { unknownOption: 1, permissions: 'read' })
phase()
Promise.reject(new Error('nobody hears me'))
agent('floating', { label: 'floating' })
return { kept, map: new Map([[1, 2]]), f: () => 1, promise: Promise.resolve(1), big: 10n ** 2n > 5n }
