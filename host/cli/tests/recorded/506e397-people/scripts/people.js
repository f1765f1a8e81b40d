export const meta = { name: 'people-js', description: 'what a body knows of people before surface 4' }
const names = ['approve', 'ask', 'waitFor']
log('extra has', Object.keys(SW.extra).join(), 'and SW', Object.keys(SW).join())
const types = names.map(name => typeof globalThis[name] + ' ' + typeof SW.extra[name])
let said = []
try { ask('who?') } catch (error) { said.push(error.name + ': ' + error.message) }
try { waitFor('x').then(log) } catch (error) { said.push(error.name + ': ' + error.message) }
try { SW.extra.approve('sure?') } catch (error) { said.push(error.name + ': ' + error.message) }
log(...said)
await SW.sleep(1)
const answers = await parallel([1, 2].map(n => () => agent('ask people ' + n)))
const child = await workflow({ scriptPath: './kid.js' }, [3])
const found = Object.keys(await import('workflow:extra')).join()
return { types, said, answers, child, found }
