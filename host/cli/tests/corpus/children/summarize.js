export const meta = { name: 'summarize', description: 'Makes one paragraph of notes' }
const notes = Array.isArray(args?.notes) ? args.notes : []
const text = await agent(`Write one paragraph about these notes:\n${notes.join('\n')}`, { label: 'summary' })
return { text: text ?? '', count: notes.length }
