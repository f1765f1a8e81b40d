import { sleep } from 'workflow:extra'

export const meta = { name: 'mixed', description: 'Children, sleeps, schemas, failures and large answers' }

const schema = {
  type: 'object',
  properties: { score: { type: 'integer' }, tags: { type: 'array', items: { type: 'string' } } },
  required: ['score', 'tags'],
}

export default async function () {
  const parts = []
  for (let round = 1; round <= 6; round++) {
    log(`round ${round}`)
    const [child, scored, failed] = await parallel([
      () => workflow({ scriptPath: './child.mjs' }, { round }),
      () => agent(`Score ${round}`, { schema }),
      () => agent(`Fail in round ${round}`, { label: 'doomed' }),
    ])
    await sleep(1)
    const large = await agent(`Say much: ${'long '.repeat(2000)}${round}`)
    parts.push([child, scored, failed, large.length])
  }
  return parts
}
