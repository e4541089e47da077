// @ts-check
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const { now } = require('./event')

/** @typedef {import('socket.io').Socket} Socket */

/**
 * The rooms of a socket, by the number of the socket and of the membership. The names are built at each call, as apps
 * build them: what an adapter keeps of a name is its cost. `shared`: few rooms with everybody; `pairs`: many with two.
 * @type {Record<string, (socket: number, membership: number) => string>}
 */
const NAMES = {
  shared: (_socket, membership) => `room:${membership}`,
  pairs: (socket, membership) => `room:${socket >> 1}:${membership}`,
}

/**
 * Every socket joins its share of rooms, one call each, and leaves them again.
 * @param {import('socket.io').Server} io
 * @param {import('./measures').Options} options
 */
async function joins(io, { memberships, rooms }) {
  const sockets = [...io.sockets.sockets.values()]
  const each = Math.max(1, Math.round(memberships / sockets.length))
  const nameOf = NAMES[rooms]
  const before = await memory()
  const join = timeEach(sockets, each, nameOf, (socket, room) => void socket.join(room))
  const after = await memory()
  const leave = timeEach(sockets, each, nameOf, (socket, room) => void socket.leave(room))
  const total = sockets.length * each
  return {
    calls: total,
    joinUs: join / total,
    leaveUs: leave / total,
    heapBytes: (after.heap - before.heap) / total,
    rssBytes: (after.rss - before.rss) / total,
  }
}

/**
 * @param {Socket[]} sockets
 * @param {number} each
 * @param {(socket: number, membership: number) => string} nameOf
 * @param {(socket: Socket, room: string) => void} call
 * @returns {number} microseconds
 */
function timeEach(sockets, each, nameOf, call) {
  const begun = now()
  for (const [index, socket] of sockets.entries()) {
    for (let membership = 0; membership < each; membership += 1) call(socket, nameOf(index, membership))
  }
  return (now() - begun) / 1000
}

/** What is in use after a thorough collection. */
async function memory() {
  for (let round = 0; round < 3; round += 1) {
    global.gc?.()
    // V8 gives pages back in tasks of their own.
    await sleep(50)
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, heap: heapUsed + external }
}

module.exports = { joins }
