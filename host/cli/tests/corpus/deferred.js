export const meta = { name: 'deferred', description: 'A promise that is settled by hand' }

const first = await new Promise((resolve) => {
  agent('Be quick').then(resolve, () => resolve(null))
  agent('Be quicker').then(resolve, () => resolve(null))
})

const started = agent('Take your time')
const meanwhile = await agent('Something else meanwhile')
const later = await started
const flags = new Map([['first', first !== null], ['later', later !== null]])
return { meanwhile: meanwhile ?? '', ok: [...flags.values()].every(Boolean) }
