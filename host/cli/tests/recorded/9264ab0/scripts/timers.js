export const meta = { name: 'timers', description: 'Timers race agents, are cleared and fire in order' }
const order = []
setTimeout(() => order.push('a'), 5); setTimeout(() => order.push('b'), 5)
const gone = setTimeout(() => order.push('never'), 1); clearTimeout(gone)
const won = await Promise.race([agent('slow'), new Promise(r => setTimeout(() => r('late'), 60000))])
await new Promise(r => setTimeout(r, 20))
return { order, won }
