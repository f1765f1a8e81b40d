import { sleep } from 'workflow:extra'

export const meta = { name: 'misspelt', description: 'Has a typing error' }

export default async function (input, ctx) {
  const results = []
  for (const target of input.targets ?? ['a']) {
    const text = await ctx.agent(`Deploy ${target}`)
    reslts.push(text)
    await sleep(10)
  }
  await ctx.agnt('Say goodbye')
  return results
}
