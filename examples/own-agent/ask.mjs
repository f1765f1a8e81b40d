export const meta = { name: 'own-agent', description: 'Asks an agent that is a shell script' }

export default async function ({ question = 'How many words are in this prompt?' }) {
  return await agent(question, { label: 'counter' })
}
