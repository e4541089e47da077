// @ts-check
'use strict'

/** What Socket.IO writes to a socket past the adapter, in order with what waits there. */

/** Packet types of socket.io-parser. */
const TYPE = { DISCONNECT: 1, ACK: 3, BINARY_ACK: 6 }

const kOrdered = Symbol('socket.io-native-adapter.ordered')

/**
 * Acknowledgements have their turn behind what waits; before a good-bye everything is written.
 * @param {any} socket
 * @param {import('./streams').StreamsAdapter} adapter
 */
function orderSocket(socket, adapter) {
  if (socket[kOrdered]) return
  socket[kOrdered] = true
  const { packet } = socket
  socket.packet = function (/** @type {any} */ data, /** @type {any} */ opts) {
    const { type } = data
    if ((type === TYPE.ACK || type === TYPE.BINARY_ACK) && adapter.waits) return adapter.behind(this, data, opts, packet)
    if (type === TYPE.DISCONNECT) adapter.flushFor(this)
    return packet.call(this, data, opts)
  }
}

module.exports = { orderSocket }
