export const meta = { name: 'module-race', description: 'A module: race, retry, child', phases: [{ title: 'Race', model: 'deep' }, { title: 'Child' }] }
import { sleep } from 'workflow:extra'
export default async function (input, ctx) {
  ctx.phase('Race')
  const first = await Promise.race([agent('slow', { label: 'slow' }).then(() => 'agent'), sleep(30).then(() => 'sleep')])
  ctx.phase('Child')
  const retried = await agent('again', { retry: { maxAttempts: 2, backoffMs: 1 } })
  let failed
  try { await workflow('kid', { fail: true }) } catch (error) { failed = { name: error.name, message: error.message } }
  const kid = await workflow({ scriptPath: './kid.js' }, { fail: false, input })
  return { first, retried, failed, kid, random: Math.random(), now: typeof Date.now(), frozen: Object.isFrozen(input) }
}
