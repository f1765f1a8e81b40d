export const meta = { name: 'fan-out-forgotten', description: 'Counts reviews that nobody waits for' }

const files = args?.files ?? ['a.ts', 'b.ts']
const reviews = files.map((file) => agent(`Review ${file}`, { label: file }))
log(`started ${reviews.length} reviews`)
const summary = await agent('Summarize the reviews.')
return { summary, reviewed: reviews.length }
