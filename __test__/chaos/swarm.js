'use strict'

/**
 * The two programs of the chaos: the server (`server.js`), and the clients, which are written in Rust (`bench/loadgen/src/chaos`).
 */

const { fork, spawn } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const readline = require('node:readline')
const { Answers } = require('../../bench/lib/answers')

const ROOT = path.join(__dirname, '..', '..')
const PROGRAM = path.join(process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target'), 'release', 'socketio-chaos')

/** How long one answer may take: a machine may be busy, and a round is long. In milliseconds. */
const PATIENCE = 240_000

/** @param {import('node:child_process').ChildProcess} child */
async function kill(child) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  child.kill('SIGCONT')
  await ended
}

class ChaosServer {
  #child
  #answers = new Answers('the server')

  /** @param {object} options of `server.js` */
  constructor(options) {
    const script = path.join(__dirname, 'server.js')
    this.#child = fork(script, [JSON.stringify(options)], { execArgv: ['--expose-gc'] })
    this.#child.once('exit', (code, signal) => this.#answers.fail(new Error(`the server ended (${signal ?? code})`)))
    this.#child.on('message', (/** @type {any} */ { result, error }) => {
      if (error === undefined) this.#answers.settle(result)
      else this.#answers.fail(new Error(error))
    })
    this.port = this.#answers.next('its port', PATIENCE)
  }

  /** @param {string} command @param {object} [options] @returns {Promise<any>} */
  ask(command, options) {
    const answer = this.#answers.next(command, PATIENCE)
    this.#child.send({ command, options })
    return answer
  }

  kill() {
    return kill(this.#child)
  }
}

class ChaosClients {
  /** What the server did wrong. @type {string[]} */
  failures = []
  #child
  #answers = new Answers('the clients')

  /**
   * @param {number} port
   * @param {{ clients: number, seed: number, mischief: number, atOnce?: number }} options
   */
  constructor(port, { clients, seed, mischief, atOnce = 100 }) {
    this.#child = spawn(PROGRAM, [`127.0.0.1:${port}`, ...[clients, seed, mischief, atOnce].map(String)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#child.once('error', (error) => this.#answers.fail(error))
    this.#child.once('exit', (code, signal) => {
      const failures = this.failures.slice(0, 5).join('\n')
      this.#answers.fail(new Error(`the clients ended (${signal ?? code}): ${failures}`))
    })
    this.#child.stdin.on('error', () => {})
    readline.createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const event = JSON.parse(line)
      if (event.event === 'failure') this.failures.push(event.message)
      else this.#answers.settle(event)
    })
  }

  /** @param {'chaos' | 'calm' | 'settle' | 'leave' | 'over'} command @returns {Promise<any>} */
  ask(command) {
    const answer = this.#answers.next(command, PATIENCE)
    this.#child.stdin.write(`${command}\n`)
    return answer
  }

  /** Stops the process, or lets it go on. @param {'SIGSTOP' | 'SIGCONT'} signal */
  signal(signal) {
    this.#child.kill(signal)
  }

  kill() {
    return kill(this.#child)
  }
}

/** What does not fit between what the clients saw and what the server did. @returns {string[]} */
function contradictions({ last, closed, fates }) {
  const [settled, own] = [new Set(fates.settled), new Set(fates.own)]
  const reasons = new Map(closed)
  const isSlow = (/** @type {string} */ id) => reasons.get(id) === 'ERR_CLIENT_TOO_SLOW'
  const stated = new Set([...last, ...closed.flatMap(([id, why]) => (why === 'kicked' ? [id] : []))])
  const lost = [...stated].filter((id) => !settled.has(id) && !own.has(id) && !isSlow(id))
  const ended = fates.server.filter(([id]) => !isSlow(id) && !stated.has(id))
  const cut = fates.cut.filter(([id]) => !isSlow(id))
  return [
    ...lost.map((id) => `${id} did not get the last statement, though the server sent it`),
    ...[...settled].filter((id) => !stated.has(id)).map((id) => `${id} got a last statement that was not sent`),
    ...ended.map(([id, how]) => `${id} was ended by the server (${how}), which knows of: ${reasons.get(id)}`),
    ...cut.map(([id, how]) => `${id} ended with grace, but what was sent to it was cut (${how})`),
  ]
}

/** One round: everybody connects, chaos, and its end. */
async function round(server, clients, load) {
  await clients.ask('chaos')
  const done = await server.ask('run', { acts: load.acts })
  const ended = await finish(server, clients, load.clients)
  return { ...ended, counts: { ...done, ...ended.counts } }
}

/** Calm, the last statements, everybody leaves, and all is compared. `present`: how many clients there are. */
async function finish(server, clients, present) {
  await clients.ask('calm')
  // Whom the server closed last may not know it yet, and comes back.
  await server.ask('present', { clients: present })
  const last = await server.ask('settle')
  const { connects, acts: mischief } = await clients.ask('settle')
  const differences = await server.ask('check')
  const fates = await clients.ask('leave')
  const held = await server.ask('measure')
  const closed = await server.ask('closed')
  await server.ask('forget')
  const failures = [...clients.failures, ...differences, ...contradictions({ last, closed, fates })]
  const slow = closed.filter(([, why]) => why === 'ERR_CLIENT_TOO_SLOW').length
  return { failures, held, counts: { connects, mischief, survivors: last.length, slow, own: fates.own.length } }
}

module.exports = { ChaosClients, ChaosServer, finish, round }
