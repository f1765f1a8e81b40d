export const meta = { name: 'module-value', description: 'A module without a function' }

const lines = await Promise.all(['red', 'green'].map((color) => agent(`Say something ${color}`)))
const longest = lines.reduce((best, line) => (line.length > best.length ? line : best), '')
export default { longest, count: lines.length }
