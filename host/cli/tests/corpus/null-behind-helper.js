export const meta = { name: 'null-behind-helper', description: 'A helper hands null on' }

async function ask(question) {
  const answer = await agent(question, { label: 'ask' })
  return answer
}

const name = await ask('What is the project called?')
const words = name.split(' ')
const { length } = await agent('And its description?')
const list = await Promise.all(words.map((word) => agent(`Explain ${word}`)))
return { words, length, first: list[0].slice(0, 10) }
