export const meta = { name: 'kid', description: 'Two agents, the second slow' }
const first = await agent(`kid ${args.n}`)
await new Promise(resolve => setTimeout(resolve, 20))
return await agent(`slow ${args.n}: ${first}`)
