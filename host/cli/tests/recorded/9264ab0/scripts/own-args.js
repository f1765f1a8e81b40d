export const meta = { name: 'own-args', description: 'args are an own copy' }
args.names.sort(); args.limit ??= 5
return { args, said: await agent(`limit ${args.limit}`), list: ['file10', 'file2'].sort((a, b) => a.localeCompare(b, undefined, { numeric: true })), sum: (1234567.891).toLocaleString() }
