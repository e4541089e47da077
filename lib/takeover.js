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
  Object.defineProperty(transport, 'writable', writable)
  transport.socket._sender.sendFrame = sendFrame
  transport.socket._socket._final = final
}

/**
 * @param {any} conn
 * @param {any} transport the one that was taken over
 * @param {boolean} isWritable
 */
function putBack(conn, transport, isWritable) {
  const { _sender: sender, _socket: stream } = transport.socket
  if (conn.flush === flush) delete conn.flush
  if (transport.send === send) delete transport.send
  if (sender.sendFrame === sendFrame) delete sender.sendFrame
  if (stream._final === final) delete stream._final
  const data = { value: isWritable, writable: true, enumerable: true, configurable: true }
  Object.defineProperty(transport, 'writable', data)
  for (const owner of owners(conn, transport)) delete owner[kLane]
}

/**
 * @param {any} conn
 * @param {any} transport
 */
function owners(conn, transport) {
  const ws = transport.socket
  return [conn, transport, ws, ws._sender, ws._socket]
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

const writable = {
  configurable: true,
  enumerable: true,
  /** @this {{ [kLane]: import('./lane').Lane }} */
  get() {
    return this[kLane].writable
  },
  /** @this {{ [kLane]: import('./lane').Lane }} @param {boolean} value */
  set(value) {
    this[kLane].writable = value
  },
}

module.exports = { putBack, takeOver }
