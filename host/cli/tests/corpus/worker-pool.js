export const meta = { name: 'worker-pool', description: 'Three workers share one queue' }

const queue = [...(args?.tasks ?? ['one', 'two', 'three', 'four', 'five'])]
const results = []

async function worker() {
  while (queue.length > 0) {
    const task = queue.shift()
    const answer = await agent(`Do ${task}`, { label: task })
    results.push({ task, answer: answer ?? 'failed' })
  }
}

const workers = Array.from({ length: 3 }, () => worker())
log(`${workers.length} workers`)
await Promise.all(workers)
results.sort((a, b) => (a.task < b.task ? -1 : 1))
return results
