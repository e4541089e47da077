// @ts-check
'use strict'

/** Which sockets are meant: what an operator of Socket.IO names. */

const { wrong } = require('../rules')

/**
 * @typedef {object} Target
 * @property {any} nsp
 * @property {Set<string>} rooms empty: all sockets of the namespace
 * @property {Set<string>} except
 */

const EXPECTED = 'a namespace or a broadcast operator, such as io, io.of("/workers") or io.in("gpu").except("busy")'

/**
 * @param {string} where
 * @param {any} operator
 * @returns {Target}
 */
function targetOf(where, operator) {
  if (typeof operator !== 'object' || operator === null) throw wrong(where, EXPECTED, operator)
  if (operator.rooms instanceof Set && operator.exceptRooms instanceof Set && operator.adapter?.nsp) {
    const { nsp } = operator.adapter
    return { nsp: concrete(where, nsp), rooms: new Set(operator.rooms), except: new Set(operator.exceptRooms) }
  }
  return { nsp: namespaceOf(where, operator), rooms: new Set(), except: new Set() }
}

/**
 * @param {string} where
 * @param {any} given a server or a namespace
 */
function namespaceOf(where, given) {
  // A server's main namespace is its `sockets`; those of a namespace are a Map.
  if (typeof given?.of === 'function' && given.sockets?.sockets instanceof Map) return given.sockets
  if (given?.sockets instanceof Map && typeof given.name === 'string') return concrete(where, given)
  throw wrong(where, EXPECTED, given)
}

/**
 * @param {string} where
 * @param {any} nsp
 */
function concrete(where, nsp) {
  // The namespace behind a pattern has no sockets of its own.
  if (nsp.children instanceof Set) throw wrong(where, 'a namespace with a name, not a pattern of namespaces', nsp.name)
  return nsp
}

/**
 * Whether a socket is meant.
 * @param {Target} target
 * @param {any} socket
 */
function isMeant({ nsp, rooms, except }, socket) {
  if (!socket.connected || nsp.sockets.get(socket.id) !== socket) return false
  const all = nsp.adapter.rooms
  for (const room of except) if (all.get(room)?.has(socket.id)) return false
  if (rooms.size === 0) return true
  for (const room of rooms) if (all.get(room)?.has(socket.id)) return true
  return false
}

/**
 * The sockets that are meant now.
 * @param {Target} target
 * @returns {any[]}
 */
function socketsMeant(target) {
  const { nsp, rooms } = target
  const found = new Set()
  if (rooms.size === 0) for (const socket of nsp.sockets.values()) found.add(socket)
  for (const room of rooms) {
    for (const id of nsp.adapter.rooms.get(room) ?? []) {
      const socket = nsp.sockets.get(id)
      if (socket) found.add(socket)
    }
  }
  return [...found].filter((socket) => isMeant(target, socket))
}

module.exports = { isMeant, namespaceOf, socketsMeant, targetOf }
