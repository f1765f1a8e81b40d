export const meta = { name: 'nulls', description: 'Failed agents are null, end items and may throw by request' }
const one = await agent('fails', { label: 'one' })
let thrown
try { await agent('fails too', { onFailure: 'throw' }) } catch (error) { thrown = { name: error.name, code: error.code } }
const items = await pipeline([1, 2, 3], n => agent(n === 2 ? 'fails again' : `item ${n}`), text => `${text}!`)
const slots = await parallel([() => agent('fine'), () => { throw new TypeError('mine') }])
return { one, thrown, items, slots }
