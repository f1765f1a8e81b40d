#!/usr/bin/env node
// Starts the program of this platform and ends as it ends.
//
// Owns: finding the program, and signals while it runs. Never: an argument, a setting, the
// network.
'use strict'

const { spawn } = require('node:child_process')
const { constants } = require('node:os')
const { isatty } = require('node:tty')

// By Node's names of systems and processors; one package each.
const PACKAGES = { 'linux-x64': '@smol-wf/cli-linux-x64' }

const fail = (message) => {
  process.stderr.write(`smol-wf: ${message}\n`)
  process.exit(1)
}

const program = () => {
  const platform = `${process.platform}-${process.arch}`
  const name = PACKAGES[platform]
  if (name === undefined) {
    fail(`there is no program for ${platform}, only for ${Object.keys(PACKAGES).join(', ')}; from source: cargo install --locked --path host/cli`)
  }
  try {
    return require.resolve(`${name}/bin/smol-wf`)
  } catch {
    const { version } = require('./package.json')
    return fail(`${name} is not installed; npm leaves it out with --omit=optional: npm install ${name}@${version}`)
  }
}

const child = spawn(program(), process.argv.slice(2), { stdio: 'inherit' })

// A terminal sends these to the program as well, and twice would mean more than once.
const ofTerminal = ['SIGINT', 'SIGQUIT', 'SIGHUP']
const hasTerminal = [0, 1, 2].some((stream) => isatty(stream))
const handlers = {}
for (const signal of [...ofTerminal, 'SIGTERM']) {
  handlers[signal] = () => {
    if (!hasTerminal || !ofTerminal.includes(signal)) child.kill(signal)
  }
  process.on(signal, handlers[signal])
}

child.on('error', (error) => fail(`${child.spawnfile} does not start: ${error.message}`))
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code)
  // Dies by the same signal, so that who waits for this process sees it.
  if (handlers[signal] !== undefined) process.removeListener(signal, handlers[signal])
  process.kill(process.pid, signal)
  // A signal that is ignored here.
  setTimeout(() => process.exit(128 + constants.signals[signal]), 1000)
})
