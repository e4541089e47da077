// @ts-check
'use strict'

/**
 * Notices when a Socket.IO socket gets outgoing listeners (`onAnyOutgoing`): its broadcasts must pass through JavaScript then.
 * Socket.IO keeps them in one property of the socket, which is watched on the instance.
 */

const PROPERTY = '_anyOutgoingListeners'
const kWatch = Symbol('socket.io-native-adapter.outgoing')

/** One descriptor for all sockets, so that they keep sharing their hidden class. */
const watched = {
  configurable: true,
  enumerable: true,
  /** @this {any} */
  get() {
    return this[kWatch]?.listeners
  },
  /** @this {any} @param {unknown} listeners */
  set(listeners) {
    this[kWatch].listeners = listeners
    this[kWatch].membership?.observe(this)
  },
}

/**
 * Calls `membership.observe(socket)` when listeners may have been added.
 * @param {any} socket
 * @param {{ observe(socket: any): void }} membership
 */
function watchOutgoing(socket, membership) {
  if (socket[kWatch]) {
    socket[kWatch].membership = membership
    return
  }
  socket[kWatch] = { listeners: socket[PROPERTY], membership }
  Object.defineProperty(socket, PROPERTY, watched)
}

/** @param {any} socket */
function unwatchOutgoing(socket) {
  const watch = socket[kWatch]
  // The property stays as it is: to make a plain one of it again costs more than all the rest of a disconnect.
  if (watch) watch.membership = undefined
}

/** @param {any} socket */
function hasOutgoing(socket) {
  return socket[PROPERTY]?.length > 0
}

module.exports = { hasOutgoing, unwatchOutgoing, watchOutgoing }
