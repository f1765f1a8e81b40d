export const meta = { name: 'bad-options', description: 'Options that are refused' }

export default async function (input, { agent }) {
  const first = await agent('One', { timeout: 'soon' })
  const second = await agent('Two', {
    label: 'two',
    retry: { attempts: 3 },
  })
  const third = await agent('Three', { denyTools: ['Bash'], temperature: 0.2 })
  return [first, second, third]
}
