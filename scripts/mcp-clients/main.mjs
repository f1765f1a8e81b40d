// Each official client over each transport: it lists the tools, starts a run in its only
// root, waits, answers, has its person approve, and reads the result.
//
// Owns: the servers, the project, the verdict. Never: a message of its own making; the
// clients check what they receive against their own schemas.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

import { CLIENTS, TRANSPORTS } from './clients.mjs'

const SCRIPT = `export const meta = { name: 'release', description: 'Releases.' }
const version = await SW.extra.ask('Which version?')
const verdict = await SW.extra.approve('Release ' + version + '?')
return { greeting: await agent('Announce ' + version), verdict: verdict.approved, comment: verdict.comment }
`

const program = process.env.SMOL_WF
const root = await mkdtemp(join(tmpdir(), 'mcp-clients-'))
const env = {
  PATH: process.env.PATH,
  HOME: root,
  SMOL_WF_DB: join(root, 'runs.db'),
  SMOL_WF_AGENT_PROVIDER: 'debug',
}
await writeFile(join(root, 'release.mjs'), SCRIPT)

async function http() {
  const token = 'a-token-of-the-tests-0123456789'
  const args = ['mcp', '--http', '127.0.0.1:0', '--allow-answers']
  const server = spawn(program, args, { env: { ...env, SMOL_WF_MCP_TOKEN: token }, cwd: root, stdio: ['ignore', 'inherit', 'pipe'] })
  for await (const line of createInterface({ input: server.stderr })) {
    const url = line.match(/^serving MCP at (.*)$/)?.[1]
    if (url) return { server, url, token }
  }
  throw new Error('the server has not begun')
}

async function conversation(make, connect, place) {
  const forms = []
  const parts = make(pathToFileURL(root).href, forms)
  const { client } = parts
  await client.connect(connect(parts, place))
  const call = async (name, args) => {
    const result = await client.callTool({ name, arguments: args })
    assert.equal(result.isError, false, JSON.stringify(result))
    return result.structuredContent
  }
  assert.equal(client.getServerVersion().name, 'smol-wf')
  const { tools } = await client.listTools()
  assert.equal(tools.length, 9)
  const list = await call('workflow_list', {})
  assert.ok(list.workflows.some((one) => one.name === 'code-review'))
  const { runId, plan } = await call('workflow_run', { workflow: 'release.mjs' })
  assert.equal(plan.agents, 1)
  let status = await call('workflow_status', { runId, wait: 60 })
  assert.deepEqual([status.status, status.questions[0].question], ['waiting', 'Which version?'])
  await call('workflow_answer', { runId, step: 1, value: '1.5' })
  status = await call('workflow_status', { runId, wait: 60 })
  assert.equal(status.questions[0].kind, 'approve')
  await call('workflow_answer', { runId, step: 2 })
  assert.equal(forms.length, 1)
  assert.match(forms[0], /Release 1\.5\?$/)
  for (let waits = 0; status.status !== 'completed' && waits < 5; waits++) {
    status = await call('workflow_status', { runId, wait: 60 })
  }
  const { result } = await call('workflow_result', { runId })
  assert.deepEqual(result, { greeting: 'echo: Announce 1.5', verdict: true, comment: 'as agreed' })
  const refused = await client.callTool({ name: 'workflow_result', arguments: { runId: 'run_x' } })
  assert.equal(refused.isError, true)
  await client.close()
}

let failed = 0
const over = await http()
try {
  for (const [era, make] of Object.entries(CLIENTS)) {
    for (const [way, connect] of Object.entries(TRANSPORTS)) {
      const began = Date.now()
      let problem = ''
      try {
        await conversation(make, connect, { program, env, cwd: '/', ...over })
      } catch (error) {
        failed += 1
        problem = `\n${error.stack}`
      }
      console.log(`${problem ? 'FAIL' : 'PASS'}  ${era} client over ${way}  ${Date.now() - began} ms${problem}`)
    }
  }
} finally {
  over.server.kill()
  await rm(root, { recursive: true, force: true })
}
process.exit(failed ? 1 : 0)
