export const meta = {
  name: 'phases-wrong',
  description: 'Phases that do not fit',
  phases: [
    { title: 'Gather' },
    { title: 'Write' },
    { title: 'Publish' },
  ],
}

phase('Gather')
const facts = await agent('Gather facts')
phase('Wirte')
const text = await agent(`Write about ${facts ?? 'nothing'}`)
return { text }
