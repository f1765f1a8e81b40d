export const meta = { name: 'phases', description: 'Phases that say what holds for their calls',
  phases: [{ title: 'Look', tools: ['Read'], maxTurns: 2, permissions: 'read' }, { title: 'Write', system: 'Be short.', images: ['a.png'] }] }
const said = []
for (const title of ['Look', 'Write', 'Look']) { phase(title); said.push(await agent(`in ${title}`)); said.push(await agent(`also in ${title}`)) }
return said
