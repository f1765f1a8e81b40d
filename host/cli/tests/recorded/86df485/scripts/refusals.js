export const meta = { name: 'refusals', description: 'Calls that are refused before and after it is taken up' }
const refused = []
const ask = async (prompt, options) => {
  try { return await agent(prompt, options) } catch (error) { refused.push([prompt, error.code]); log(`${prompt}: ${error.message}`) }
}
await ask('no model', { model: '?' })
const a = await ask('one')
await ask('no schema', { schema: { type: 'nothing' } })
try { await workflow(7) } catch (error) { refused.push(['workflow', error.code]) }
const b = await ask('two')
await ask('')
const c = await ask('three')
return { a, b, c, refused }
