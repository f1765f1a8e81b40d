export const meta = { name: 'kid', description: 'Its phases say what holds', phases: [{ title: 'K', permissions: 'read' }] }
phase('K')
return await agent(`kid ${args.n}`)
