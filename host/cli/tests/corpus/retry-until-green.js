export const meta = { name: 'retry-until-green', description: 'Fixes until the tests pass' }

const MAX_TRIES = 4
const RESULT = {
  type: 'object',
  properties: { passed: { type: 'boolean' }, output: { type: 'string' } },
  required: ['passed', 'output'],
}

let last = null
for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
  const run = await agent('Run the test suite and report.', { schema: RESULT, label: `test ${attempt}` })
  if (!run) {
    log(`attempt ${attempt}: the agent gave nothing`)
    continue
  }
  last = run
  if (run.passed) return { status: 'green', attempt }
  const fix = await agent(`Fix what fails:\n${run.output}`, { label: `fix ${attempt}`, effort: 'high' })
  if (fix) log(fix.slice(0, 80))
}
return { status: 'red', output: last ? last.output : 'never ran' }
