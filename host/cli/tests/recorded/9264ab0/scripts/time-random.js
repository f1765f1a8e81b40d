export const meta = { name: 'time-random', description: 'Time and randomness of the journal' }
const draws = [Math.random(), Math.random()]
const before = Date.now()
await agent('tick')
const after = Date.now()
return { draws, later: after > before, step: Date.now() - after, year: new Date().getFullYear() > 2000 }
