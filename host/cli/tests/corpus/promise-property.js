export const meta = { name: 'promise-property', description: 'Branches on a verdict' }

const VERDICT = { type: 'object', properties: { ok: { type: 'boolean' }, why: { type: 'string' } }, required: ['ok'] }

function judge(text) {
  return agent(`Judge this: ${text}`, { schema: VERDICT, onFailure: 'throw' })
}

const draft = await agent('Write a draft.', { onFailure: 'throw' })
const verdict = judge(draft)
if (verdict.ok) {
  return { status: 'accepted', draft }
}
return { status: 'rejected' }
