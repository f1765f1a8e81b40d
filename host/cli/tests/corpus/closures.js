export const meta = { name: 'closures', description: 'A limiter made of closures' }

function limiter(limit) {
  let active = 0
  const waiting = []
  const next = () => {
    active -= 1
    const resume = waiting.shift()
    if (resume) resume()
  }
  return async function run(job) {
    if (active >= limit) await new Promise((resolve) => waiting.push(resolve))
    active += 1
    try {
      return await job()
    } finally {
      next()
    }
  }
}

const run = limiter(2)
const names = args?.names ?? ['x', 'y', 'z']
const answers = await Promise.all(names.map((name) => run(() => agent(`About ${name}`))))
const report = names.map((name, i) => `${name}: ${answers[i] ?? 'none'}`)
const chained = await names.reduce(
  (before, name) => before.then((text) => agent(`${text}\nContinue with ${name}`).then((t) => t ?? text)),
  Promise.resolve('Begin'),
)
return { report, chained }
