export const meta = { name: 'failure-caught', description: 'A failed agent is caught, and makes a slot null' }
let caught
try { await agent('first', { label: 'first' }) } catch (error) { caught = { name: error.name, code: error.code } }
const slots = await parallel([() => agent('second'), () => agent('third'), () => { throw new TypeError('mine') }])
const items = await pipeline(['a', 'b'], item => agent(`stage ${item}`), text => `${text}!`)
return { caught, slots, items }
