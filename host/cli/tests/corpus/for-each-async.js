export const meta = { name: 'for-each-async', description: 'Waits for nothing' }

const out = {}
const files = args?.files ?? ['one.md', 'two.md']
files.forEach(async (file) => {
  out[file] = await agent(`Proofread ${file}`)
})
return out
