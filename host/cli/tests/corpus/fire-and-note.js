export const meta = { name: 'fire-and-note', description: 'One call is not to be awaited, and says so' }

void agent('Write a note for the team; nobody waits for it.', { label: 'note' })
const names = ['ada', 'grace']
const greetings = {}
for (const name of names) {
  greetings[name] = await agent(`Greet ${name}`)
}
const missing = Object.entries(greetings).filter(([, text]) => !text).map(([name]) => name)
return { greetings, missing }
