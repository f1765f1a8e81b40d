// Again until it is good, with an end: rounds are bounded, and so is what they may use.
export const meta = {
  name: 'loop',
  description: 'Writes a text, has it judged, and improves it until the judge is content',
  phases: [{ title: 'Write' }, { title: 'Judge' }],
}

const task = (typeof args === 'string' ? args : args?.task) ?? 'Explain in 150 words what this project is for'
const ROUNDS_MAX = 4
const JUDGEMENT = {
  type: 'object',
  properties: {
    good: { type: 'boolean' },
    better: { type: 'array', items: { type: 'string' }, description: 'What to change, most important first' },
  },
  required: ['good', 'better'],
}

let text = await agent(task, { label: 'write', phase: 'Write' })
for (let round = 1; round <= ROUNDS_MAX; round++) {
  // Each round is judged by someone new, who does not know the earlier ones.
  const judged = await agent(`Does this text do what was asked? Be strict.\n\nAsked: ${task}\n\nText:\n${text}`, { label: `judge ${round}`, phase: 'Judge', schema: JUDGEMENT })
  if (!judged || judged.good || round === ROUNDS_MAX || budget.remaining() < 5_000) break
  log(`round ${round}: ${judged.better.length} wishes`)
  text = (await agent(`Improve this text and reply with it alone.\n\nAsked: ${task}\n\nWishes:\n- ${judged.better.join('\n- ')}\n\nText:\n${text}`, { label: `write ${round + 1}`, phase: 'Write' })) ?? text
}
return text
