export const meta = { name: 'module-catch', description: 'Deals with failures where they are thrown' }

const NONE = Object.freeze({ ok: false, text: '' })

export default async function main(input, { agent, parallel, log }) {
  const targets = input.targets ?? ['linux', 'macos']
  const built = await parallel(
    targets.map((target) => async () => {
      try {
        const text = await agent(`Build for ${target}`, { label: target })
        return { ok: true, text }
      } catch (error) {
        log(`${target}: ${error.message}`)
        return NONE
      }
    }),
  )
  const signed = await parallel(
    targets.map((target) => () => agent(`Sign ${target}`).then((text) => ({ ok: true, text })).catch(() => NONE)),
  )
  return { built: built.map((b) => b.ok), signed: signed.filter((s) => s.ok).map((s) => s.text.length) }
}
