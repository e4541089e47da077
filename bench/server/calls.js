// @ts-check
'use strict'

const { LAYOUTS } = require('../lib/layouts')

/** @typedef {import('socket.io').Server} Server */

/**
 * The call that a row makes, over and over.
 * @param {Server} io
 * @param {import('./measures').Options} options
 * @returns {(argument: object) => void}
 */
function callOf(io, { layout, volatile, clients }) {
  if (layout) return inTurn(LAYOUTS[layout].targets(clients), (target, argument) => emitTo(io, target, argument))
  if (volatile) return (argument) => io.volatile.emit('m', argument)
  return (argument) => io.emit('m', argument)
}

/**
 * @template T
 * @param {T[]} targets
 * @param {(target: T, argument: object) => void} emit
 * @returns {(argument: object) => void} emits to one after the other
 */
function inTurn(targets, emit) {
  let turn = 0
  return (argument) => {
    emit(targets[turn], argument)
    turn = (turn + 1) % targets.length
  }
}

/**
 * @param {Server} io
 * @param {import('../lib/layouts').Target} target
 * @param {object} argument
 */
function emitTo(io, { to, except }, argument) {
  const operator = io.to(to)
  if (except.length === 0) operator.emit('m', argument)
  else operator.except(except).emit('m', argument)
}

/**
 * Joins the rooms of a layout.
 * @param {Server} io
 * @param {string} name
 * @returns {() => void} leaves them
 */
function joinLayout(io, name) {
  const { roomsOf } = LAYOUTS[name]
  const sockets = [...io.sockets.sockets.values()]
  for (const [index, socket] of sockets.entries()) socket.join(roomsOf(index))
  return () => {
    for (const [index, socket] of sockets.entries()) for (const room of roomsOf(index)) socket.leave(room)
  }
}

module.exports = { callOf, inTurn, joinLayout }
