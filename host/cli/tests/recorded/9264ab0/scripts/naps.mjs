export const meta = { name: 'naps', description: 'Sleeps between agents' }
import { sleep } from 'workflow:extra'
const one = await agent('one')
await sleep(600)
const two = await agent('two')
export default { one, two }
