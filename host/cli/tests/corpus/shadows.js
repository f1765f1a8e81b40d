export const meta = { name: 'shadows', description: 'Names of ours that mean something else' }

const roster = args?.agents ?? [{ agent: 'planner', log: [] }, { agent: 'coder', log: [] }]
const lines = roster.map(({ agent, log }) => `${agent}: ${log.length}`)
const phases = roster.map((phase) => phase.agent)
const table = { map: { planner: 1 }, filter: (x) => x }
function render(workflow) {
  return `${workflow.name} has ${workflow.steps.length} steps`
}
const parse = (text) => {
  const agent = (prompt) => prompt.toUpperCase()
  return agent(text)
}
const answer = await agent(`The crew: ${lines.join(', ')}`)
return { phases, rendered: render({ name: 'x', steps: lines }), loud: parse('abc'), rank: table.map.planner, answer }
