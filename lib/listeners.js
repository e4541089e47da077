// @ts-check
'use strict'

/** What listens to an adapter's events, or watches the packets of a socket. */

const { EventEmitter } = require('node:events')
const { isClientPatched } = require('./lane-support')
const { hasOutgoing } = require('./outgoing')

const { emit } = EventEmitter.prototype

/**
 * Whether somebody may hear one of two events, and must hear it at once.
 * @param {any} adapter
 * @param {string} event
 * @param {string} other
 * @returns {boolean}
 */
function isHeard(adapter, event, other) {
  if (adapter.emit !== emit) return true
  // What Node.js counts itself: nearly all adapters have no listener.
  if (adapter._eventsCount === 0) return false
  return adapter.listenerCount(event) > 0 || adapter.listenerCount(other) > 0
}

/** Whether JavaScript has to see the packets of a socket: it has outgoing listeners, or a tool replaced its methods. @param {any} socket */
function isObserved(socket) {
  return hasOutgoing(socket) || Object.hasOwn(socket, 'notifyOutgoingListeners') || isClientPatched(socket.client)
}

module.exports = { isHeard, isObserved }
