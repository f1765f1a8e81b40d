export const meta = { name: 'unknown-names', description: 'Uses what is not there' }

const files = args?.files ?? ['a', 'b']
for (const file of files) {
  const review = await agent(`Review ${file}`)
  log(review ?? 'nothing')
}
if (files.length > 1) {
  const merged = files.join('+')
  log(merged)
}
const started = performance.now()
await setInterval(() => log('alive'), 1000)
console.table(files)
return { merged, started }
