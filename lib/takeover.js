// @ts-check
'use strict'

/**
 * What a lane replaces on the instances of its connection (never on a prototype), and puts back when it closes. The functions
 * are shared, so that the instances keep sharing their hidden class.
 */

const { kLane } = require('./lane-support')

/**
 * @param {import('./lane').Lane} lane
 * @param {any} conn the Engine.IO socket
 */
function takeOver(lane, conn) {
  const { transport } = conn
  for (const owner of owners(conn, transport)) owner[kLane] = lane
  conn.flush = flush
  transport.send = send
  transport.socket._sender.sendFrame = sendFrame
  const stream = transport.socket._socket
  stream._final = final
  stream.on('close', onStreamClose)
}

/**
 * @param {any} conn
 * @param {any} transport the one that was taken over
 */
function putBack(conn, transport) {
  const { _sender: sender, _socket: stream } = transport.socket
  stream.off('close', onStreamClose)
  // Assigned, not deleted: an object that lost a property becomes a slow one.
  restore(conn, 'flush', flush)
  restore(transport, 'send', send)
  restore(sender, 'sendFrame', sendFrame)
  restore(stream, '_final', final)
  for (const owner of owners(conn, transport)) owner[kLane] = undefined
}

/**
 * @param {any} owner
 * @param {string} method
 * @param {Function} ours
 */
function restore(owner, method, ours) {
  if (owner[method] === ours) owner[method] = Object.getPrototypeOf(owner)[method]
}

/**
 * What knows the lane. Not the WebSocket: with one property more it becomes a slow object of 1.7 KiB.
 * @param {any} conn
 * @param {any} transport
 */
function owners(conn, transport) {
  const { _sender: sender, _socket: stream } = transport.socket
  return [conn, transport, sender, stream]
}

/** @this {{ [kLane]: import('./lane').Lane }} */
function onStreamClose() {
  this[kLane].streamClosed()
}

/** @this {{ [kLane]: import('./lane').Lane, transport: { [kLane]?: import('./lane').Lane } }} */
function flush() {
  const lane = this[kLane]
  if (this.transport[kLane] === lane) return lane.flush()
  Object.getPrototypeOf(this).flush.call(this)
}

/** @this {{ [kLane]: import('./lane').Lane }} @param {any[]} packets */
function send(packets) {
  this[kLane].sendBatch(packets)
}

/** @this {{ [kLane]: import('./lane').Lane }} @param {(Buffer | string)[]} list @param {(error?: Error) => void} [callback] */
function sendFrame(list, callback) {
  this[kLane].sendFrame(list, callback)
}

/** @this {{ [kLane]: import('./lane').Lane }} @param {(error?: Error) => void} callback */
function final(callback) {
  this[kLane].whenWritten(() => Object.getPrototypeOf(this)._final.call(this, callback))
}

module.exports = { putBack, takeOver }
