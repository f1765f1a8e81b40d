export const meta = { name: 'shapes', description: 'What a result may hold' }
const floating = agent('nobody awaits this', { label: 'floating' })
const empty = await agent('empty')
return { map: new Map([[1, 2]]), set: new Set([1]), date: new Date(86400000), nan: NaN, undef: undefined, error: new Error('x'), promise: floating, empty, nested: [undefined, { toJSON() { return 'j' } }] }
