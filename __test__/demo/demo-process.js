// @ts-check
'use strict'

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const readline = require('node:readline')

const SERVER = path.join(__dirname, '..', '..', 'examples', 'demo', 'server.js')

/**
 * The demo in a process of its own, on a free port.
 * @param {{ options?: string[], stderr?: 'inherit' | 'pipe' }} [settings] options of Node.js
 * @returns {Promise<{ url: string, pid: number, said: () => string, stop: (signal?: NodeJS.Signals) => Promise<void> }>} `said`: on its stderr
 */
async function startDemo({ options = [], stderr = 'inherit' } = {}) {
  const server = spawn(process.execPath, [...options, SERVER], {
    env: { ...process.env, PORT: '0', HOST: '127.0.0.1' },
    stdio: ['ignore', 'pipe', stderr],
  })
  let said = ''
  server.stderr?.on('data', (chunk) => (said += chunk))
  const exit = once(server, 'exit')
  const lines = readline.createInterface({ input: server.stdout })
  const [line] = await Promise.race([once(lines, 'line'), exit.then(() => ['the demo ended'])])
  const url = /http:\S+\//.exec(String(line))?.[0]
  if (url === undefined) throw new Error(`Expected a line with the address, got: ${line}`)
  const stop = async (/** @type {NodeJS.Signals} */ signal = 'SIGTERM') => {
    server.kill(signal)
    await exit
  }
  return { url, pid: Number(server.pid), said: () => said, stop }
}

/**
 * The processes that this one started and that still run (Linux).
 * @param {number} parent
 * @returns {number[]}
 */
function childrenOf(parent) {
  const pids = fs.readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.filter((pid) => processState(pid)?.parent === parent)
}

/**
 * Whether it has not ended: a zombie has.
 * @param {number} pid
 */
function isAlive(pid) {
  return processState(pid) !== null
}

/** @param {number} pid */
function processState(pid) {
  let stat
  try {
    stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return null
  }
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return state === 'Z' || state === 'X' ? null : { parent: Number(parent) }
}

/**
 * Resolves when the condition holds; the test's own time limit ends the wait.
 * @param {() => boolean} condition
 */
async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20))
}

module.exports = { childrenOf, isAlive, startDemo, until }
