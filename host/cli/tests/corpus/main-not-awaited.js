export const meta = { name: 'main-not-awaited', description: 'Has a main, as in a program' }

async function main() {
  const plan = await agent('Make a plan')
  log(plan ?? 'no plan')
  const result = await agent(`Do it: ${plan ?? 'whatever seems best'}`)
  return result
}

main()
