export const meta = { name: 'kid', description: 'One agent' }
phase('K')
return await agent(`kid ${args.n}`, { label: `kid ${args.n}` })
