export const meta = { name: 'race-timeout', description: 'Takes the first of an agent and a clock' }

const late = SW.sleep(args?.ms ?? 60_000).then(() => ({ late: true }))
const quick = agent('Answer quickly.').then((text) => ({ late: false, text: text ?? 'none' }))
const winner = await Promise.race([quick, late])
if (winner.late) {
  log('the clock was first')
  return { status: 'late' }
}
return { status: 'done', text: winner.text }
