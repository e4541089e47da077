// @ts-check
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const { LoadGenerator } = require('./load-generator')
const { ServerProcess } = require('./server-process')

/** How often a flood is told what was received, in milliseconds. */
const CREDIT_INTERVAL = 20
const POLL_INTERVAL = 10
/** How long the clients may receive nothing before what is missing counts as lost, in milliseconds. */
const DRAIN_TIMEOUT = 10_000
const LANES_TIMEOUT = 3000

/** The most bytes that may be under way in a flood: in all, and for one client (a quarter of `maxBufferedBytes`). */
const WINDOW_BYTES = 32 * 1024 * 1024
const WINDOW_BYTES_OF_CLIENT = 4 * 1024 * 1024
/** What frames and packets add to a payload, roughly. */
const OVERHEAD = 16

/** @typedef {import('./load-generator').Report} Report */

/** One adapter: its server process, and clients of its own. */
class Side {
  #server
  #clients
  /** @type {LoadGenerator | undefined} */
  #load
  /** @type {string[]} */
  warnings = []

  /**
   * @param {string} adapter
   * @param {number} clients
   */
  constructor(adapter, clients) {
    this.adapter = adapter
    this.#clients = clients
    this.#server = new ServerProcess(adapter)
  }

  /** Starts the server, connects the clients and warms up. */
  async open() {
    const load = new LoadGenerator(await this.#server.port(), this.#clients)
    this.#load = load
    await load.connected()
    await this.#settled()
    await load.reset()
    const { deliveries } = await this.#server.ask('warmUp')
    await this.#received(load, deliveries)
    await this.#server.ask('finish')
  }

  /**
   * Measures one round of a row.
   * @param {import('./rows').Row} row
   * @param {{ ms: number, payload: number, memberships: number }} settings
   * @returns {Promise<import('./rows').Sample>}
   */
  async measure(row, settings) {
    const load = this.#load
    if (!load) throw new Error('the side is not open')
    const clients = this.#clients
    const options = { measure: row.measure, clients, window: this.#window(settings.payload), ...settings, ...row.options }
    await load.reset()
    const measured = this.#server.ask('measure', options)
    const [result, progress] = await Promise.all([measured, row.watched ? this.#watch(load, measured) : []])
    const reach = { all: clients, one: 1, none: 0 }[row.reach]
    const report = await this.#received(load, result.calls * reach)
    const cost = await this.#server.ask('finish')
    return { result, cost, report, progress, ms: settings.ms }
  }

  /** Ends the clients and the server. */
  async close() {
    await this.#load?.close()
    await this.#server.close()
  }

  /** @param {number} payload */
  #window(payload) {
    const bytes = Math.min(WINDOW_BYTES, WINDOW_BYTES_OF_CLIENT * this.#clients)
    return Math.max(Math.floor(bytes / (payload + OVERHEAD)), 20 * this.#clients)
  }

  /** Waits until the server has taken in all clients, and the native adapter has opened their lanes. */
  async #settled() {
    const lanesWanted = { native: this.#clients, 'native-lanes-off': 0 }[this.adapter] ?? null
    const deadline = Date.now() + LANES_TIMEOUT
    for (;;) {
      const { sockets, lanes } = await this.#server.ask('connections')
      if (sockets === this.#clients && lanes === lanesWanted) return
      if (Date.now() > deadline) {
        this.warnings.push(`${this.adapter}: ${sockets} sockets and ${lanes} lanes for ${this.#clients} clients`)
        return
      }
      await sleep(POLL_INTERVAL)
    }
  }

  /**
   * Hands a flood its credit until it ends.
   * @param {LoadGenerator} load
   * @param {Promise<unknown>} measured
   * @returns {Promise<Report[]>}
   */
  async #watch(load, measured) {
    let over = false
    const end = () => void (over = true)
    measured.then(end, end)
    const progress = []
    while (!over) {
      const report = await load.report()
      this.#server.credit(report.messages)
      progress.push(report)
      await sleep(CREDIT_INTERVAL)
    }
    return progress
  }

  /**
   * Waits until the clients have what was sent to them: no less, and no more.
   * @param {LoadGenerator} load
   * @param {number} wanted
   * @returns {Promise<Report>}
   */
  async #received(load, wanted) {
    let [before, deadline] = [-1, 0]
    for (;;) {
      const report = await load.report()
      if (report.messages === wanted) return report
      if (report.messages !== before) deadline = Date.now() + DRAIN_TIMEOUT
      if (report.messages > wanted || Date.now() > deadline) {
        throw new Error(`${this.adapter}: the clients received ${report.messages} events, not ${wanted}`)
      }
      before = report.messages
      await sleep(POLL_INTERVAL)
    }
  }
}

module.exports = { Side }
