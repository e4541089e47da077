// @ts-check
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const { ADAPTERS } = require('./adapters')
const { LAYOUTS, deliveriesOf } = require('./layouts')
const { LoadGenerator } = require('./load-generator')
const { ServerProcess } = require('./server-process')

/** How often a flood is told what was received, in milliseconds. */
const CREDIT_INTERVAL = 20
const POLL_INTERVAL = 10
const LANES_TIMEOUT = 3000

/** The most bytes that may be under way in a flood: in all, and for one client (a quarter of `maxBufferedBytes`). */
const WINDOW_BYTES = 32 * 1024 * 1024
const WINDOW_BYTES_OF_CLIENT = 4 * 1024 * 1024
/** What frames and packets add to a payload, roughly. */
const OVERHEAD = 16

/**
 * @typedef {import('./load-generator').Report} Report
 * @typedef {import('./rows').Row} Row
 * @typedef {import('./rows').Setup} Setup
 * @typedef {{ ms: number, payload: number, memberships: number }} Settings
 */

/** One adapter: its server process, and clients of its own. */
class Side {
  #setup
  /** @type {LoadGenerator | undefined} */
  #load
  /** @type {number | undefined} */
  #port
  /** @type {string[]} */
  warnings = []

  /**
   * @param {string} adapter
   * @param {Setup & { clients: number, free?: boolean }} setup `free`: any processor may run the clients
   */
  constructor(adapter, setup) {
    this.adapter = adapter
    this.clients = setup.clients
    this.#setup = setup
    this.server = new ServerProcess(adapter, setup)
  }

  /** Starts the server, connects the clients and warms up. */
  async open() {
    const load = await this.connect()
    await load.reset()
    const { events } = await this.server.ask('warmUp')
    await load.received(events * this.#reading, { by: this.adapter })
  }

  /** Starts the server. */
  async start() {
    this.#port ??= await this.server.port()
  }

  /**
   * Connects clients, as many as the server takes in at a time, until all have arrived.
   * @param {number} [clients]
   * @param {string[]} [more] flags for the load generator
   */
  async connect(clients = this.clients, more = []) {
    await this.start()
    const { slow = 0, deflate } = this.#setup
    const flags = [...(slow > 0 ? ['--slow', `${slow}`] : []), ...(deflate ? ['--deflate'] : []), ...more]
    this.#load = new LoadGenerator(/** @type {number} */ (this.#port), clients, { more: flags, free: this.#setup.free })
    const { ms } = await this.#load.connected()
    await this.#settled(clients)
    return Object.assign(this.#load, { connectMs: ms })
  }

  /** Disconnects the clients. */
  async disconnect() {
    await this.#load?.close()
  }

  /**
   * Makes the calls of one round of a row.
   * @param {Row} row
   * @param {Settings} settings
   * @returns {Promise<import('./metrics').Sample>}
   */
  async measure(row, settings) {
    const load = this.#load
    if (!load) throw new Error('the side is not open')
    const { clients } = this
    const given = { measure: row.measure, clients, reach: this.#reachOf(row, 1), ...settings, ...row.options }
    const options = { ...given, window: this.#window(given.payload) }
    await load.reset()
    const measured = this.server.ask('measure', options)
    const [result, progress] = await Promise.all([measured, row.watched ? this.#watch(load, measured) : []])
    const report = await load.received(this.#reachOf(row, result.calls), { by: this.adapter, lossy: row.lossy })
    const cost = await this.server.ask('finish')
    const { messages, compressed, latency } = report
    if (this.#setup.deflate && (compressed !== messages || latency.count === 0)) {
      throw new Error(`${this.adapter}: ${compressed} of ${messages} events came compressed, ${latency.count} were read`)
    }
    return { result, cost, report, progress, ms: settings.ms }
  }

  /** Ends the clients and the server. */
  async close() {
    await this.disconnect()
    await this.server.close()
  }

  /** How many clients read what they get. */
  get #reading() {
    return this.clients - (this.#setup.slow ?? 0)
  }

  /**
   * @param {Row} row
   * @param {number} calls
   * @returns {number} how many deliveries they are
   */
  #reachOf({ reach, options }, calls) {
    if (reach === 'layout') return deliveriesOf(LAYOUTS[options?.layout ?? ''], this.clients, calls)
    return calls * { all: this.#reading, one: 1, none: 0 }[reach]
  }

  /** @param {number} payload */
  #window(payload) {
    const ofClient = ADAPTERS[this.adapter].windowOfClient ?? WINDOW_BYTES_OF_CLIENT
    const bytes = Math.min(WINDOW_BYTES, ofClient * this.clients)
    return Math.max(Math.floor(bytes / (payload + OVERHEAD)), 20 * this.clients)
  }

  /**
   * Waits until the server has taken in all clients, and the native adapter has opened their lanes.
   * @param {number} clients
   */
  async #settled(clients) {
    const lanesWanted = ADAPTERS[this.adapter].lanes(clients)
    const deadline = Date.now() + LANES_TIMEOUT
    for (;;) {
      const { sockets, lanes } = await this.server.ask('connections')
      if (sockets === clients && lanes === lanesWanted) return
      if (Date.now() > deadline) {
        this.warnings.push(`${this.adapter}: ${sockets} sockets and ${lanes} lanes for ${clients} clients`)
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
      this.server.credit(report.messages)
      progress.push(report)
      await sleep(CREDIT_INTERVAL)
    }
    return progress
  }
}

module.exports = { Side }
