'use strict'

/**
 * Each way in which a server can end, with frames under way in each of several states: what stock delivers, this delivers. What
 * stock delivers is not assumed but measured, in the same test.
 */

const { childServers } = require('../support/child-server')
const { BOTH } = require('../support/live-server')
const { until } = require('../support/events')

const start = childServers()

const MIB = 1024 * 1024

const WAYS = [
  'process.exit()',
  'io.close()',
  'disconnect(true), then io.close()',
  'io.close(), then process.exit()',
  'the close of the Engine.IO server and of the HTTP server',
  'server.close()',
  "a listener of 'exit' that emits",
  'an uncaught exception',
  'an unhandled rejection',
  'SIGTERM, whose handler calls io.close()',
]
const IN_A_WORKER = ['process.exit()', 'io.close()', 'io.close(), then process.exit()', 'an uncaught exception', 'worker.terminate()']

/** Nobody else ends the connections. */
const STAYS = ['server.close()']

const STATES = [
  ['idle lanes', { packets: 0, size: 10 }],
  ['a busy writer', { packets: 200, size: 100_000 }],
  ['a parked lane, whose client reads on', { packets: 20, size: 5 * MIB, pauses: true }],
]

const ENDINGS = [
  ...WAYS.map((way) => ['ending-server.js', way, way]),
  ...IN_A_WORKER.map((way) => ['ending-worker.js', way, `${way} in a worker thread`]),
].flatMap(([fixture, way, title]) => STATES.map(([state, options]) => ({ fixture, way, title: `${title}, with ${state}`, options })))

/** Lets a server end in that way, and says what each of two clients got: how many packets, in order and whole. */
async function delivered({ native }, { fixture, way, options: { pauses, ...options } }) {
  const server = start(fixture, [way, JSON.stringify({ ...options, native, adapter: { flushTimeout: 5000 } })])
  const clients = [await server.raw(), await server.raw()]
  clients[1].emit('go')
  if (pauses) clients[0].pause()
  await until('it has emitted, or ended', () => server.ended || server.messages.some(({ emitted }) => emitted))
  clients[0].resume()
  if (STAYS.includes(way)) await Promise.all(clients.map((client) => client.event('last')))
  else await Promise.all(clients.map((client) => client.end()))
  return clients.map((client) => {
    const numbers = client.all('n').map(([n]) => n)
    expect(numbers).toEqual(numbers.map((_, n) => n))
    const last = client.all('last').filter(([text]) => text.length === options.size)
    return { packets: numbers.length, last: last.length, whole: client.rest === 0 }
  })
}

test.each(ENDINGS)('$title', async (ending) => {
  const [native, stock] = [await delivered(BOTH[0], ending), await delivered(BOTH[1], ending)]
  for (const [i, { packets, last, whole }] of stock.entries()) {
    expect(native[i].packets).toBeGreaterThanOrEqual(packets)
    expect(native[i].last).toBeGreaterThanOrEqual(last)
    // The process ends under what its last listener emits: where that cuts what neither delivers whole is chance.
    const chance = ending.way === "a listener of 'exit' that emits" && last === 0
    expect(native[i].whole || !whole || chance).toBe(true)
  }
})
