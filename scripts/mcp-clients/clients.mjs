// The official clients, each with what it can do for its user.
//
// Owns: how each connects, and the answers of the person who sits at it. Never: a case.

import { Client as OlderClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as OlderStdio } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as OlderHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'

const INFO = { name: 'official', version: '1' }
const CAN = { capabilities: { roots: {}, elicitation: {} } }

// The person approves whatever form they are shown, and says why.
const approving = (forms) => (request) => {
  forms.push(request.params.message)
  return { action: 'accept', content: { answer: true, comment: 'as agreed' } }
}

function older(root, forms) {
  const client = new OlderClient(INFO, CAN)
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: root }] }))
  client.setRequestHandler(ElicitRequestSchema, approving(forms))
  return { client, Stdio: OlderStdio, Http: OlderHttp, revision: '2025-11-25' }
}

function newer(root, forms) {
  const pinned = { ...CAN, versionNegotiation: { mode: { pin: '2026-07-28' } } }
  const client = new Client(INFO, pinned)
  client.setRequestHandler('roots/list', () => ({ roots: [{ uri: root }] }))
  client.setRequestHandler('elicitation/create', approving(forms))
  return { client, Stdio: StdioClientTransport, Http: StreamableHTTPClientTransport, revision: '2026-07-28' }
}

export const CLIENTS = { older, newer }

// A transport of each kind. `env` is the environment of a server that the client starts.
export const TRANSPORTS = {
  stdio: ({ Stdio }, { program, env, cwd }) =>
    new Stdio({ command: program, args: ['mcp', '--allow-answers'], env, cwd, stderr: 'inherit' }),
  http: ({ Http }, { url, token }) =>
    new Http(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${token}` } } }),
}
