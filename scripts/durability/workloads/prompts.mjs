export const meta = { name: 'prompts', description: 'Asks about texts of many lengths, all at once' }

export default async function ({ lengths }) {
  const answers = await parallel(lengths.map((length, number) => () => agent(prompt(number, length))))
  return answers.length
}

// It begins with what it is, so that a part of it can be told from the whole.
function prompt(number, length) {
  const head = `${number} ${length} `
  return head + String.fromCharCode(97 + (number % 26)).repeat(length - head.length)
}
