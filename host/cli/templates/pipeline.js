// Many items side by side: each goes through the stages by itself, so nobody waits for
// the slowest. In this form, a `return` at top level is the result.
export const meta = {
  name: 'pipeline',
  description: 'Finds tasks, does each one in two stages, and sums up',
  phases: [{ title: 'Find' }, { title: 'Do' }, { title: 'Check' }, { title: 'Sum up' }],
}

const goal = (typeof args === 'string' ? args : args?.goal) ?? 'the comments of this project that no longer fit the code'
const ITEMS = {
  type: 'object',
  properties: { items: { type: 'array', maxItems: 12, items: { type: 'string' } } },
  required: ['items'],
}
const VERDICT = {
  type: 'object',
  properties: { right: { type: 'boolean' }, reason: { type: 'string' } },
  required: ['right', 'reason'],
}

phase('Find')
const found = await agent(`Find ${goal}. List at most twelve, each in one line with its file. Change no file.`, { label: 'find', schema: ITEMS })

const results = await pipeline(
  found?.items ?? [],
  (item) => agent(`Say what is wrong and how to mend it: ${item}. Change no file.`, { label: item, phase: 'Do' }),
  async (text, item) => {
    const verdict = await agent(`Is this right? Look for yourself.\n\n${item}\n\n${text}`, { label: item, phase: 'Check', schema: VERDICT })
    return { item, text, right: verdict?.right ?? null, reason: verdict?.reason }
  },
)

phase('Sum up')
// An agent that failed has left a null.
const right = results.filter((one) => one?.right)
log(`${right.length} of ${results.length} hold`)
return await agent(`Sum up in Markdown what to do, most important first:\n${JSON.stringify(right, null, 1)}`, { label: 'sum up' })
