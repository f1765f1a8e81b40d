export const meta = { name: 'typeof-guards', description: 'Runs in more than one place' }

const clone = typeof structuredClone === 'function' ? structuredClone : (v) => JSON.parse(JSON.stringify(v))
const env = typeof process !== 'undefined' ? process.env : {}
let host = 'unknown'
try {
  host = new URL(args?.url ?? 'https://example.org').hostname
} catch {
  host = String(args?.url ?? '').split('/')[2] ?? 'unknown'
}
const settings = clone({ depth: 2, host, debug: Boolean(env.DEBUG) })
const text = await agent(`Look at ${settings.host} with depth ${settings.depth}`)
return { settings, text }
