export const meta = { name: 'settle-all', description: 'Keeps what went well' }

const topics = args?.topics ?? ['speed', 'memory', 'disk']
const settled = await Promise.allSettled(
  topics.map((topic) => agent(`What is known of ${topic}?`, { onFailure: 'throw', label: topic })),
)
const good = settled.filter((s) => s.status === 'fulfilled').map((s) => s.value)
const bad = settled.filter((s) => s.status === 'rejected').map((s) => s.reason.message)
for (const reason of bad) console.warn(reason)
return { good, failures: bad.length }
