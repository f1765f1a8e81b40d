export const meta = { name: 'triage', description: 'Sorts one issue' }
const answer = await agent(`Which team owns this issue?\n${args?.issue ?? 'none'}`)
return answer === null ? { team: 'unknown' } : { team: answer.trim() }
