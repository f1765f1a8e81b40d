export const meta = { name: 'pipeline-null', description: 'A null goes on to the next stage' }
const seen = []
const out = await pipeline([1, null, 3], item => (item === 1 ? null : item), async item => { seen.push(item); return agent(`about ${item}`) })
return { seen, out }
