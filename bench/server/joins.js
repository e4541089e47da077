// @ts-check
'use strict'

const { setImmediate: nextTurn } = require('node:timers/promises')
const { median } = require('../lib/statistics')
const { now } = require('./clock')
const { memory } = require('./memory')

/** @typedef {import('socket.io').Server} Server */
/** @typedef {import('./measures').Options} Options */

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
 * @param {Server} io
 * @param {Options} options
 */
async function joins(io, { memberships, rooms }) {
  const sockets = [...io.sockets.sockets.values()]
  const nameOf = NAMES[rooms]
  return joinAndLeave(sockets.length, Math.max(1, Math.round(memberships / sockets.length)), {
    join: (index, membership) => void sockets[index].join(nameOf(index, membership)),
    leave: (index, membership) => void sockets[index].leave(nameOf(index, membership)),
  })
}

/** So many sockets would need more descriptors than a process gets, so there are none: the adapter is called as they call it. */
const MANY_SOCKETS = 10_000
/** Each room has a hundred of them. */
const ROOMS = 10_000
/** It shares no factor with `ROOMS`, so a socket's rooms differ. */
const STRIDE = 7919

/**
 * Ten thousand sockets, each in a hundred rooms of a hundred.
 * @param {Server} io
 * @param {Options} options
 */
async function million(io, { memberships }) {
  const { adapter } = io.of('/')
  const ids = Array.from({ length: MANY_SOCKETS }, (_, index) => `socket-with-id-${index}`)
  for (const id of ids) await adapter.addAll(id, new Set([id]))
  const nameOf = (/** @type {number} */ index, /** @type {number} */ membership) =>
    `room:${(index + membership * STRIDE) % ROOMS}`
  return joinAndLeave(MANY_SOCKETS, Math.max(1, Math.round(memberships / MANY_SOCKETS)), {
    join: (index, membership) => void adapter.addAll(ids[index], new Set([nameOf(index, membership)])),
    leave: (index, membership) => void adapter.del(ids[index], nameOf(index, membership)),
  })
}

/**
 * @param {number} sockets
 * @param {number} each memberships of a socket
 * @param {Record<'join' | 'leave', (socket: number, membership: number) => void>} calls
 */
async function joinAndLeave(sockets, each, { join, leave }) {
  const before = await memory()
  const joined = await timeEach(sockets, each, join)
  const after = await memory()
  const left = await timeEach(sockets, each, leave)
  const total = sockets * each
  return {
    calls: total,
    joinUs: joined / total,
    leaveUs: left / total,
    heapBytes: (after.heap - before.heap) / total,
    rssBytes: (after.rss - before.rss) / total,
  }
}

/**
 * @param {number} sockets
 * @param {number} each
 * @param {(socket: number, membership: number) => void} call
 * @returns {Promise<number>} microseconds, what was put off to the end of the turn included
 */
async function timeEach(sockets, each, call) {
  const begun = now()
  for (let socket = 0; socket < sockets; socket += 1) {
    for (let membership = 0; membership < each; membership += 1) call(socket, membership)
  }
  await nextTurn()
  return (now() - begun) / 1000
}

/** How many rooms one socket joins, how often that is measured. */
const ROOMS_OF_ONE = 10_000
const TIMES = 5

/**
 * One socket joins ten thousand rooms and leaves them, one by one; then it joins them again and leaves all at once, as
 * when it disconnects. The rest of the server waits meanwhile.
 * @param {Server} io
 */
async function manyRooms(io) {
  const [socket] = io.sockets.sockets.values()
  const { adapter } = io.of('/')
  /** @type {Record<'join' | 'leave' | 'exit', number[]>} */
  const taken = { join: [], leave: [], exit: [] }
  const join = (/** @type {number} */ _, /** @type {number} */ room) => void socket.join(`room:${room}`)
  const leave = (/** @type {number} */ _, /** @type {number} */ room) => void socket.leave(`room:${room}`)
  for (let time = 0; time < TIMES; time += 1) {
    taken.join.push(await timeEach(1, ROOMS_OF_ONE, join))
    taken.leave.push(await timeEach(1, ROOMS_OF_ONE, leave))
    await timeEach(1, ROOMS_OF_ONE, join)
    taken.exit.push(await timeEach(1, 1, () => void adapter.delAll(socket.id)))
    await adapter.addAll(socket.id, new Set([socket.id]))
  }
  /** @param {number[]} times */
  const each = (times) => median(times) / ROOMS_OF_ONE
  return { calls: ROOMS_OF_ONE, joinUs: each(taken.join), leaveUs: each(taken.leave), exitUs: each(taken.exit) }
}

module.exports = { joins, manyRooms, million }
