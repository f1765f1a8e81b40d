export const meta = { name: 'helper-not-awaited', description: 'Calls a helper and moves on' }

const notes = []

async function collect(topic) {
  const text = await agent(`Collect facts on ${topic}`, { label: topic })
  if (text) notes.push(text)
}

for (const topic of args?.topics ?? ['history', 'money']) {
  collect(topic)
}
return { notes }
