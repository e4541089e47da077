// @ts-check
'use strict'

const { performance } = require('node:perf_hooks')
const { setTimeout: sleep } = require('node:timers/promises')
const { percentile } = require('../lib/statistics')
const { now, stamped } = require('./event')

/** @typedef {import('socket.io').Server} Server */
/** @typedef {Pick<import('./measures').Options, 'payload' | 'ms'>} Options */

const BROADCAST_INTERVAL = 25
const BATCH_INTERVAL = 5
/** 20,000 emits a second: a fraction of what either adapter can do. */
const BATCH = 100

/**
 * One broadcast to everybody each 25 ms.
 * @param {Server} io
 * @param {Options} options
 */
async function paced(io, { payload, ms }) {
  const event = stamped(payload)
  const stamp = () => event(now())
  return atPace({ everyMs: BROADCAST_INTERVAL, ms, size: 1 }, (argument) => io.emit('m', argument), stamp)
}

/**
 * Nothing each 25 ms: what a paced row costs without its calls.
 * @param {Server} _io
 * @param {Options} options
 */
async function idle(_io, { ms }) {
  return atPace({ everyMs: BROADCAST_INTERVAL, ms, size: 1 }, () => {}, () => ({}))
}

/**
 * Batches of emits, each to one socket after the other.
 * @param {Server} io
 * @param {Options} options
 */
async function direct(io, { payload, ms }) {
  return inTurn(io, { payload, ms }, (socket, argument) => socket.emit('m', argument))
}

/**
 * The same by the room of each socket's own id: the way from a user's id to a connection.
 * @param {Server} io
 * @param {Options} options
 */
async function toOwnRoom(io, { payload, ms }) {
  return inTurn(io, { payload, ms }, (socket, argument) => io.to(socket.id).emit('m', argument))
}

/**
 * @param {Server} io
 * @param {Options} options
 * @param {(socket: import('socket.io').Socket, argument: object) => void} emit
 */
function inTurn(io, { payload, ms }, emit) {
  const event = stamped(payload)
  const sockets = [...io.sockets.sockets.values()]
  let turn = 0
  const stamp = () => event(now())
  const batch = (/** @type {object} */ argument) => {
    for (let index = 0; index < BATCH; index += 1) {
      emit(sockets[turn], argument)
      turn = (turn + 1) % sockets.length
    }
  }
  return atPace({ everyMs: BATCH_INTERVAL, ms, size: BATCH }, batch, stamp)
}

/**
 * Calls at a fixed pace, later where the event loop is late, and never in a burst to catch up.
 * @param {{ everyMs: number, ms: number, size: number }} pace `size`: calls that count as one
 * @param {(argument: object) => void} call
 * @param {() => object} prepare makes the argument; its time is not the call's
 * @returns {Promise<Record<string, number>>} how long a call held the event loop, in microseconds
 */
async function atPace({ everyMs, ms, size }, call, prepare) {
  const times = Math.max(1, Math.floor(ms / everyMs))
  const durations = new Float64Array(times)
  let due = performance.now()
  for (let index = 0; index < times; index += 1) {
    due = Math.max(due + everyMs, performance.now())
    await sleep(due - performance.now())
    const argument = prepare()
    const begun = now()
    call(argument)
    durations[index] = (now() - begun) / 1000 / size
  }
  return { calls: times * size, callP50: percentile(durations, 50), callP99: percentile(durations, 99) }
}

module.exports = { direct, idle, paced, toOwnRoom }
