export const meta = { name: 'parent-of-children', description: 'Uses two child workflows' }

const issues = args?.issues ?? ['it crashes', 'it is slow']
const teams = []
for (const issue of issues) {
  const { team } = await workflow('triage', { issue })
  teams.push(`${issue}: ${team}`)
}
const summary = await workflow({ scriptPath: './children/summarize.js' }, { notes: teams })
let extra = null
try {
  extra = await workflow('does-not-exist-everywhere')
} catch (error) {
  log(`no extra workflow: ${error.message}`)
}
return { teams, summary: summary.text, extra }
