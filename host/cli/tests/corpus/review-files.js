export const meta = {
  name: 'review-files',
  description: 'Reviews each changed file and merges what was found',
  phases: [{ title: 'Review' }, { title: 'Merge' }],
}

const FINDINGS = {
  type: 'object',
  required: ['file', 'findings'],
  properties: {
    file: { type: 'string' },
    findings: {
      type: 'array',
      items: {
        type: 'object',
        required: ['line', 'text'],
        properties: { line: { type: 'integer', minimum: 1 }, text: { type: 'string' } },
      },
    },
  },
}

const files = args?.files ?? ['src/a.ts', 'src/b.ts', 'src/c.ts']

phase('Review')
const reviews = (
  await parallel(
    files.map((file) => () => agent(`Review ${file} for bugs.`, { label: file, schema: FINDINGS })),
  )
).filter(Boolean)

if (reviews.length === 0) {
  return { status: 'nothing reviewed' }
}

phase('Merge')
const all = reviews.flatMap((review) => review.findings.map((f) => ({ file: review.file, ...f })))
const summary = await agent(`Summarize these findings:\n${JSON.stringify(all, null, 2)}`)
return { findings: all, summary: summary ?? 'no summary', reviewed: reviews.length }
