// @ts-check
'use strict'

/**
 * Servers in processes of their own, for what a process can do only once: end. A fixture prints one JSON object a line; the
 * first has its port.
 */

const { spawn } = require('node:child_process')
const path = require('node:path')
const { until, within } = require('./events')
const { RawClient } = require('./raw-client')

class ChildServer {
  /** What it has printed. @type {any[]} */
  messages = []
  stderr = ''
  /** @type {{ code: number | null, signal: string | null } | undefined} */
  ended

  /** @type {RawClient[]} */
  #clients = []
  #process
  #commands = 1

  /**
   * @param {string} fixture
   * @param {string[]} args
   * @param {{ descriptors?: number, flags?: string[] }} [options] `descriptors`: the most that it may have open
   */
  constructor(fixture, args, { descriptors, flags = [] } = {}) {
    const script = path.join(__dirname, '..', 'lifecycle', 'fixtures', fixture)
    const command = [process.execPath, ...flags, script, ...args]
    const limited = descriptors ? ['sh', '-c', `ulimit -n ${descriptors} && exec "$0" "$@"`, ...command] : command
    this.#process = spawn(limited[0], limited.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#process.stderr.on('data', (chunk) => (this.stderr += chunk))
    this.#process.once('exit', (code, signal) => (this.ended = { code, signal }))
    let rest = ''
    this.#process.stdout.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      this.messages.push(...lines.map((line) => JSON.parse(line)))
    })
  }

  /** What it prints first. @returns {Promise<any>} */
  async ready() {
    await until(`the server is there (${this.stderr})`, () => this.messages.length > 0 || this.ended)
    if (this.messages.length === 0) throw new Error(`the server ended: ${this.stderr}`)
    return this.messages[0]
  }

  /** @param {import('./raw-client').Options} [options] */
  async raw(options) {
    const client = await RawClient.open((await this.ready()).port, options)
    this.#clients.push(client)
    return client
  }

  /** @param {(message: any) => boolean} matches @returns {Promise<any>} */
  async message(matches) {
    await until('the server says so', () => this.messages.some(matches) || this.ended)
    const found = this.messages.find(matches)
    if (!found) throw new Error(`the server ended: ${this.stderr}`)
    return found
  }

  /** Tells it to do something; returns its answer. @param {any} command @returns {Promise<any>} */
  async tell(command) {
    const id = this.#commands++
    this.#process.stdin.write(`${JSON.stringify({ id, ...command })}\n`)
    return this.message((message) => message.id === id)
  }

  /** @param {NodeJS.Signals} signal */
  kill(signal) {
    this.#process.kill(signal)
  }

  /** Waits until it has ended by itself. */
  async end() {
    await until('the process has ended', () => this.ended)
    return this.ended
  }

  async close() {
    for (const client of this.#clients) client.destroy()
    if (!this.ended) {
      this.#process.kill('SIGKILL')
      await within('the process to end', this.end())
    }
    for (const { failure } of this.#clients) if (failure) throw failure
  }
}

/** To be called once in a test file: returns what starts a server, which is gone after the test. */
function childServers() {
  /** @type {ChildServer[]} */
  const open = []
  afterEach(async () => {
    const results = await Promise.allSettled(open.splice(0).map((child) => child.close()))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  })
  return (/** @type {ConstructorParameters<typeof ChildServer>} */ ...args) => {
    const child = new ChildServer(...args)
    open.push(child)
    return child
  }
}

module.exports = { childServers }
