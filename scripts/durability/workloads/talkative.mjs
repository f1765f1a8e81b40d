export const meta = { name: 'talkative', description: 'says more than a pipe holds, for as long as it is told' }

for (let i = 0; i < args.steps; i++) {
  log('l'.repeat(args.bytes ?? 2000))
  await agent(`${i} ` + 'x'.repeat(2000))
}
return args.steps
