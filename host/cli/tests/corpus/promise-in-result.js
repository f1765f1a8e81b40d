export const meta = { name: 'promise-in-result', description: 'Returns both halves' }

const left = await agent('Left half')
const right = agent('Right half')
return { left, right, at: 'end' }
