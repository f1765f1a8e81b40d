export const meta = { name: 'sequential', description: 'Sixty steps, one after the other' }

let sum = 0
for (let step = 1; step <= 60; step++) {
  const answer = await agent(`Step ${step}`, { label: `step ${step}` })
  sum += answer.length
}
return { sum, random: Math.random() }
