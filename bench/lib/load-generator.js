// @ts-check
'use strict'

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const readline = require('node:readline')
const { setTimeout: sleep } = require('node:timers/promises')
const { Answers } = require('./answers')
const { LAST, pinned } = require('./processors')

const BINARY =
  process.env.SOCKETIO_LOADGEN ?? path.join(__dirname, '..', '..', 'target', 'release', 'socketio-loadgen')
const CONNECT_SECONDS = 60
const ANSWER_TIMEOUT = 30_000
const POLL_INTERVAL = 10
/** How long the clients may receive nothing before what is missing counts as lost, in milliseconds. */
const DRAIN_TIMEOUT = 10_000
/** The same where some may be dropped: then nothing more comes. */
const LOSSY_TIMEOUT = 200

/**
 * What the clients received since the last reset.
 * @typedef {object} Report
 * @property {number} messages events
 * @property {number} compressed how many of them came compressed
 * @property {number} bytes
 * @property {{ p50: number, p99: number, max: number, count: number }} latency microseconds
 * @property {number} ms since the reset
 * @property {number} lastMs from the reset to the last event
 * @property {number} cpuMs of the load generator since the reset
 * @property {number} open clients
 * @property {number} errors clients that were lost
 */

/** The clients: a child process written in Rust (bench/loadgen), driven by lines. */
class LoadGenerator {
  #child
  #answers = new Answers('the load generator')

  /**
   * @param {number} port
   * @param {number} clients
   * @param {{ more?: string[], free?: boolean }} [options] more flags; whether any processor may run it
   */
  constructor(port, clients, { more = [], free = false } = {}) {
    const flags = ['--address', `127.0.0.1:${port}`, '--clients', `${clients}`, ...more]
    const words = [BINARY, ...flags, '--connect-timeout', `${CONNECT_SECONDS}`]
    // Clients are on other machines. Left alone the scheduler would wake them on the processor of the thread that writes to
    // them, and the two would wait for each other while another processor idles.
    const [command, ...args] = free ? words : pinned(LAST, words)
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.once('error', (error) => this.#answers.fail(error))
    this.#child.once('exit', (code) => this.#answers.fail(new Error(`the load generator ended (${code})`)))
    // What is written to a process that has just ended is told by its exit.
    this.#child.stdin.on('error', () => {})
    readline.createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const event = JSON.parse(line)
      if (event.event === 'error') this.#answers.fail(new Error(`load generator: ${event.message}`))
      else this.#answers.settle(event)
    })
  }

  /** @returns {Promise<{ clients: number, ms: number }>} once all clients are in the namespace */
  connected() {
    return this.#answers.next('connect', (CONNECT_SECONDS + 5) * 1000)
  }

  /** Zeroes the counters. */
  async reset() {
    await this.#ask('reset')
  }

  /** @returns {Promise<Report>} */
  async report() {
    const report = await this.#ask('report')
    if (report.errors > 0) throw new Error(`${report.errors} clients were disconnected`)
    return report
  }

  /**
   * Waits until the clients have what was sent to them: no less, and no more.
   * @param {number} wanted
   * @param {{ by: string, lossy?: boolean }} options who sent it; whether less is no error
   * @returns {Promise<Report>}
   */
  async received(wanted, { by, lossy = false }) {
    let [before, deadline] = [-1, 0]
    for (;;) {
      const report = await this.report()
      if (report.messages === wanted) return report
      if (report.messages !== before) deadline = Date.now() + (lossy ? LOSSY_TIMEOUT : DRAIN_TIMEOUT)
      if (report.messages > wanted || Date.now() > deadline) {
        if (lossy && report.messages < wanted) return report
        throw new Error(`${by}: the clients received ${report.messages} events, not ${wanted}`)
      }
      before = report.messages
      await sleep(POLL_INTERVAL)
    }
  }

  /** Disconnects the clients. */
  async close() {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null || this.#child.pid === undefined) return
    const ended = once(this.#child, 'exit')
    this.#child.stdin.end()
    await ended
  }

  /** @param {string} command */
  #ask(command) {
    const answer = this.#answers.next(command, ANSWER_TIMEOUT)
    this.#child.stdin.write(`${command}\n`)
    return answer
  }
}

module.exports = { LoadGenerator }
