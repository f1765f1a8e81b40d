export const meta = { name: 'parallel', description: 'Four fan-outs of sixteen, and a pipeline' }

const lengths = []
for (let round = 1; round <= 4; round++) {
  phase(`Round ${round}`)
  const answers = await parallel(
    Array.from({ length: 16 }, (_, slot) => () => agent(`Round ${round}, slot ${slot}`)),
  )
  lengths.push(answers.map(answer => answer?.length ?? null))
}
const piped = await pipeline(
  ['a', 'b', 'c', 'd'],
  item => agent(`First look at ${item}`),
  (seen, item) => agent(`Second look at ${item} after ${seen.length} characters`),
)
return { lengths, piped: piped.map(answer => answer?.length ?? null) }
