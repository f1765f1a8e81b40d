export const meta = { name: 'failure-ends', description: 'A failed agent that nobody catches ends the run' }
log('before')
const one = await agent('one')
const two = await agent('two')
return { one, two }
