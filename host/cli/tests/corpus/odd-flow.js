export const meta = { name: 'odd-flow', description: 'Promises in conditions and in lists' }

const draft = await agent('Draft', { onFailure: 'throw' })
const approved = agent(`Is this fine? ${draft}`)
let rounds = 0
while (!approved && rounds < 3) {
  rounds += 1
}
const jobs = []
for (const lang of ['de', 'fr']) {
  jobs.push(agent(`Translate into ${lang}: ${draft}`))
}
const finished = await jobs.map((job) => job)
const lines = jobs.map((job) => job.trim())
return { draft, rounds, finished, lines }
