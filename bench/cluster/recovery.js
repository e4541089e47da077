// @ts-check
'use strict'

/** Connection state recovery: clients that come back to another server than they were at. Only the streams keep what they missed. */

const { setTimeout: sleep } = require('node:timers/promises')
const { io: connect } = require('socket.io-client')

const CLIENTS = 100
/** The JavaScript adapter looks at 10,000 entries for a client, and not further. */
const UNRELATED = 9500
const BURST = 500
const ROOM = 'members'
const TIMEOUT = 60_000

/** @param {() => unknown} reached @param {string} what */
async function until(reached, what) {
  const patience = performance.now() + TIMEOUT
  while (!(await reached())) {
    if (performance.now() > patience) throw new Error(`recovery: expected that ${what}`)
    await sleep(5)
  }
}

/** A client, and how many events it got. @param {number} port */
function client(port) {
  const options = { transports: ['websocket'], forceNew: true, reconnection: false, timeout: TIMEOUT }
  const one = { socket: connect(url(port), options), got: 0 }
  one.socket.on('m', () => one.got++)
  return one
}

/** @param {number} port */
const url = (port) => `http://127.0.0.1:${port}`

/**
 * What the clients' return costs the server that they come to, and how long it takes until all have what they missed.
 * @param {import('./side').ClusterSide} side
 */
async function recovery(side) {
  if (side.mode !== 'streams') return {}
  const servers = ['before', 'after'].map((name) => side.server(name, { key: `recovery-${side.key}`, recovery: true }))
  const [here, there] = servers
  /** @type {ReturnType<typeof client>[]} */
  const clients = []
  try {
    const [from, to] = await Promise.all(servers.map((server) => server.started))
    await side.complete(servers)
    clients.push(...Array.from({ length: CLIENTS }, () => client(from)))
    const all = (/** @type {(one: ReturnType<typeof client>) => boolean} */ reached) => () => clients.every(reached)
    await until(all(({ socket }) => socket.connected), 'all are connected')
    await here.ask('join', { room: ROOM })
    await here.ask('burst', { rooms: [ROOM], count: 1 })
    await until(all(({ got }) => got === 1), 'all have an offset')
    for (const { socket } of clients) socket.io.engine.close()
    await until(async () => (await here.ask('clients')) === 0, 'the server has noticed that they are gone')
    await here.ask('burst', { rooms: [ROOM], count: 1 })
    for (let sent = 0; sent < UNRELATED; sent += BURST) {
      await here.ask('burst', { rooms: ['elsewhere'], count: BURST })
      await sleep(20)
    }
    // The other server has read them, and garbage is no part of the figures.
    await sleep(1500)
    await there.ask('begin')
    const began = performance.now()
    for (const { socket } of clients) {
      Object.assign(socket.io, { uri: url(to) })
      socket.connect()
    }
    await until(all(({ socket, got }) => socket.recovered && got === 2), 'all are recovered and have what they missed')
    const ms = performance.now() - began
    const { cpuUs } = await there.ask('finish')
    return { recoveryCpu: cpuUs, recoveryTime: ms * 1000 }
  } finally {
    for (const { socket } of clients) socket.disconnect()
    await Promise.all(servers.map((server) => server.close(false)))
  }
}

module.exports = { recovery }
