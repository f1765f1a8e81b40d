export const meta = { name: 'promises-in-parallel', description: 'Gives promises where functions belong' }

const questions = args?.questions ?? ['who', 'where']
const two = await parallel([agent('one'), agent('two')])
const more = await parallel(questions.map((q) => agent(q)))
return [...two, ...more].filter(Boolean)
