export const meta = { name: 'sloppy-args', description: 'Sloppy code over frozen args' }
undeclared = 1
args.limit = 9
let sorted
try { args.names.sort(); sorted = true } catch (error) { sorted = error.name }
const self = (function () { return this === globalThis })()
const timers = typeof setTimeout
return { undeclared, limit: args.limit, sorted, self, timers, names: args.names, said: await agent(`limit ${args.limit}`) }
