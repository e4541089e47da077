'use strict'

/** A server that @socket.io/admin-ui instruments, and what the package says of it against what its clients know. */

const { instrument } = require('@socket.io/admin-ui')
const { until } = require('./events')

/** The messages of clients, as Engine.IO has them: what there is to count. */
class Traffic {
  packetsIn = 0
  bytesIn = 0
  packetsOut = 0
  bytesOut = 0

  /** @param {any} client that begins to connect */
  add(client) {
    const { engine } = client.io
    engine.on('packetCreate', (packet) => this.#count('In', packet))
    engine.on('packet', (packet) => this.#count('Out', packet))
  }

  /** @param {'In' | 'Out'} way seen from the server */
  #count(way, { type, data }) {
    if (type !== 'message') return
    this[`packets${way}`]++
    this[`bytes${way}`] += Buffer.byteLength(data)
  }
}

class Admin {
  traffic = new Traffic()
  /** All that was told, whether or not somebody was there, with the traffic at that moment. */
  #told = []

  /** @param {any} io */
  constructor(io) {
    const namespace = io.of('/admin')
    const { emit } = namespace
    namespace.emit = (event, ...args) => {
      if (event === 'server_stats') this.#told.push({ ...args[0], traffic: { ...this.traffic } })
      return emit.call(namespace, event, ...args)
    }
    instrument(io, { auth: false, mode: 'development' })
  }

  /** The next statistics, which come every two seconds, with the clients' traffic then. */
  async nextStats() {
    const before = this.#told.length
    await until('the statistics are told', () => this.#told.length > before)
    return this.#told.at(-1)
  }

  /** What it has counted until then: sums by their types. */
  counted() {
    const sums = {}
    for (const { aggregatedEvents } of this.#told) {
      for (const { type, count } of aggregatedEvents) sums[type] = (sums[type] ?? 0) + count
    }
    return sums
  }
}

module.exports = { Admin }
