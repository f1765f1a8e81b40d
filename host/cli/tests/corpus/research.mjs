import { sleep } from 'workflow:extra'

export const meta = {
  name: 'research',
  description: 'Asks questions until they are answered',
  phases: [{ title: 'Ask' }, { title: 'Write' }],
}

const ANSWER = {
  type: 'object',
  properties: { answer: { type: 'string' }, followUps: { type: 'array', items: { type: 'string' } } },
  required: ['answer', 'followUps'],
}

async function ask(ctx, question, depth) {
  const { answer, followUps } = await ctx.agent(`Research: ${question}`, { schema: ANSWER, label: `d${depth}` })
  if (depth === 0) return [{ question, answer }]
  const next = await ctx.parallel(followUps.slice(0, 2).map((q) => () => ask(ctx, q, depth - 1)))
  return [{ question, answer }, ...next.filter(Boolean).flat()]
}

export default async function (input, ctx) {
  ctx.phase('Ask')
  const found = await ask(ctx, input?.question ?? 'why is the sky blue', 1)
  await sleep(1_000)
  ctx.phase('Write')
  const report = await ctx.agent(`Write a report from:\n${found.map((f) => `${f.question}: ${f.answer}`).join('\n')}`)
  return { report, sources: found.length, words: report.split(/\s+/).length }
}
