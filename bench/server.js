// @ts-check
'use strict'

/**
 * A Socket.IO server with one adapter, driven by the messages of its parent:
 *
 *   node bench/server.js --adapter stock [--deflate]
 *
 * It answers each command with `{ result }` or `{ error }`, in order; `credit` is not answered.
 */

const { ADAPTERS } = require('./lib/adapters')
const { joinLayout } = require('./server/calls')
const { credit } = require('./server/credit')
const { HOSTS } = require('./server/hosts')
const { memory } = require('./server/memory')
const { measures, warmUp } = require('./server/measures')
const { Meter } = require('./server/meter')
const { allGone } = require('./server/storm')

/** @typedef {import('./server/measures').Options} Options */

const name = process.argv[process.argv.indexOf('--adapter') + 1]
const { host, options: nativeOptions } = ADAPTERS[name]

/** @returns {Partial<import('socket.io').ServerOptions>} */
function adapterOption() {
  return nativeOptions ? { adapter: require('..').createAdapter(nativeOptions) } : {}
}

/** @param {object} message */
function send(message) {
  // A parent that is gone has no use for it; 'disconnect' ends us.
  if (process.connected) process.send?.(message)
}

/**
 * @param {import('socket.io').Server} io
 * @returns {Record<string, (options: Options) => unknown>}
 */
function commandsOf(io) {
  /** What the native engine says of itself. */
  const engineStats = () => (nativeOptions ? require('..').stats(io) : null)
  const meter = new Meter(engineStats)
  /** Undoes what a row arranged. */
  let restore = () => {}
  return {
    connections: () => ({ sockets: io.sockets.sockets.size, lanes: engineStats()?.lanes ?? null }),
    memory,
    warmUp: () => warmUp(io),
    async measure(options) {
      if (options.layout) restore = joinLayout(io, options.layout)
      meter.begin()
      return measures[options.measure](io, options)
    },
    begin: () => meter.begin(),
    finish() {
      const cost = meter.end()
      restore()
      restore = () => {}
      return cost
    },
    allGone: () => allGone(io),
  }
}

async function main() {
  const { io, port } = await HOSTS[host ?? 'node']({
    // No heartbeats while we measure, and as long for all.
    pingInterval: 3_600_000,
    serveClient: false,
    perMessageDeflate: process.argv.includes('--deflate') && { serverNoContextTakeover: true },
    ...adapterOption(),
  })
  const commands = commandsOf(io)
  process.on('message', async (/** @type {{ command: string, options: any }} */ { command, options }) => {
    if (command === 'credit') return credit.set(options.received)
    try {
      send({ result: (await commands[command](options)) ?? null })
    } catch (error) {
      send({ error: error instanceof Error ? error.stack : String(error) })
    }
  })
  send({ result: port })
}

process.on('disconnect', () => process.exit())
main().catch((error) => {
  send({ error: error instanceof Error ? error.stack : String(error) })
})
