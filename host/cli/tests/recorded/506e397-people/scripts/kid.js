export const meta = { name: 'kid', description: 'asks an agent' }
return [await agent('kid ' + args[0]), typeof SW.extra.waitFor]
