import * as extra from 'workflow:extra'
export const meta = { name: 'people-mjs', description: 'what a module knows of people before surface 4' }
export default async (args, ctx) => {
  const { agent, log } = ctx
  log('exports', Object.keys(extra).join(), 'ctx', Object.keys(ctx).join(), 'extra', Object.keys(ctx.extra).join())
  const said = await Promise.resolve().then(() => extra.ask('who?')).catch(error => error.name + ': ' + error.message)
  const first = await agent('approve ' + said)
  await extra.sleep(1)
  const rest = await Promise.all([agent('wait for it'), agent('and for that')])
  return { said, first, rest, has: typeof ctx.ask + typeof ctx.extra.approve }
}
