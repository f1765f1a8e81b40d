export const meta = { name: 'children', description: 'Children that answer, fail and are refused' }
const ok = await workflow({ scriptPath: 'kid.js' }, { fail: false })
let failed
try { await workflow('kid', { fail: true }) } catch (error) { failed = { name: error.name, code: error.code, message: error.message } }
let refused
try { await workflow('nobody-has-this') } catch (error) { refused = error.code }
return { ok, failed, refused }
