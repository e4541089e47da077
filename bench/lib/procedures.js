// @ts-check
'use strict'

/**
 * How one round of a row is done with one side.
 *
 * @typedef {import('./metrics').Sample} Sample
 * @typedef {import('./rows').Row} Row
 * @typedef {import('./side').Side} Side
 * @typedef {Parameters<Side['measure']>[1]} Settings
 */

/** Clients that come and go before a storm: a server has met some before. */
const WARM_CLIENTS = 1000
/** Handshakes under way at once: fewer than the backlog holds, or the system would drop some and try again a second later. */
const STORM_RATE = ['--connect-rate', '2000']

/** What the clients did not receive. */
const NOTHING = { messages: 0, compressed: 0, bytes: 0, latency: { p50: 0, p99: 0, max: 0, count: 0 } }
const NO_REPORT = { ...NOTHING, ms: 0, lastMs: 0, cpuMs: 0, open: 0, errors: 0 }

/** @type {Record<Row['procedure'], (side: Side, row: Row, settings: Settings) => Promise<Sample>>} */
const PROCEDURES = {
  /** Makes calls to the clients. */
  async calls(side, row, settings) {
    if (row.fresh) await side.open()
    return side.measure(row, settings)
  },

  /** Makes calls to the adapter, without clients. */
  async alone(side, row, settings) {
    await side.start()
    const options = { measure: row.measure, clients: side.clients, ...settings, ...row.options }
    const result = await side.server.ask('measure', options)
    return sample(result, await side.server.ask('finish'), settings)
  },

  /** What connections add to an empty server. */
  async idleMemory(side, _row, settings) {
    await side.start()
    const empty = await side.server.ask('memory')
    await side.server.ask('begin')
    await side.connect()
    const full = await side.server.ask('memory')
    const result = {
      calls: side.clients,
      rssBytes: (full.rss - empty.rss) / side.clients,
      heapBytes: (full.heap - empty.heap) / side.clients,
    }
    return sample(result, await side.server.ask('finish'), settings)
  },

  /** Everybody at once, in and out. */
  async storm(side, _row, settings) {
    await side.connect(WARM_CLIENTS)
    await disconnectAll(side)
    await side.server.ask('begin')
    const { connectMs } = await side.connect(side.clients, STORM_RATE)
    const connected = await side.server.ask('finish')
    await side.server.ask('begin')
    const { ms: disconnectMs } = await disconnectAll(side)
    const gone = await side.server.ask('finish')
    const result = {
      calls: side.clients,
      connectMs,
      connectCpuMs: connected.cpuUs / 1000,
      disconnectMs,
      disconnectCpuMs: gone.cpuUs / 1000,
    }
    return sample(result, connected, settings)
  },
}

/**
 * @param {Side} side
 * @returns {Promise<{ ms: number }>}
 */
async function disconnectAll(side) {
  const gone = side.server.ask('allGone')
  const [answer] = await Promise.all([gone, side.disconnect()])
  return answer
}

/**
 * @param {Record<string, number>} result
 * @param {import('../server/meter').Cost} cost
 * @param {Settings} settings
 * @returns {Sample}
 */
function sample(result, cost, { ms }) {
  return { result, cost, report: NO_REPORT, progress: [], ms }
}

module.exports = { PROCEDURES }
