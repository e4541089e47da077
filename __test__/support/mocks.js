// @ts-check
'use strict'

/**
 * Namespaces and sockets as apps and their tests fake them.
 */

const { Encoder } = require('socket.io-parser')

/**
 * The least that an adapter is made on, and whatever else is given.
 * @param {any} [more]
 * @returns {any}
 */
function mockNamespace({ opts, encoder = new Encoder(), ...more } = {}) {
  return { server: { encoder, ...(opts && { opts }) }, ...more }
}

/**
 * A namespace with sockets of these ids. They only have an id and a way to write, which keeps what is written.
 * @param {string[]} ids
 * @param {any} [more]
 * @returns {any}
 */
function mockNamespaceWith(ids, more) {
  return mockNamespace({ name: '/', _ids: 0, sockets: new Map(ids.map((id) => [id, mockSocket(id)])), ...more })
}

/** @param {string} id */
function mockSocket(id) {
  /** @type {{ encoded: any, opts: any }[]} */
  const written = []
  const writeToEngine = (/** @type {any} */ encoded, /** @type {any} */ opts) => written.push({ encoded, opts })
  return { id, written, acks: new Map(), client: { writeToEngine } }
}

/**
 * The ids of the sockets that were written to, as often as they were.
 * @param {any} nsp
 * @returns {string[]}
 */
function writtenTo(nsp) {
  return [...nsp.sockets.values()].flatMap((/** @type {any} */ { id, written }) => written.map(() => id))
}

/** An event packet. @param {...any} data */
function event(...data) {
  return /** @type {any} */ ({ type: 2, data })
}

/**
 * The rooms that an adapter has, in plain collections.
 * @param {any} adapter
 */
function plain({ rooms, sids }) {
  const entries = (/** @type {any} */ map) => [...map].map(([key, set]) => [key, [...set]])
  return { rooms: entries(rooms), sids: entries(sids) }
}

const ROOM_EVENTS = ['create-room', 'join-room', 'leave-room', 'delete-room']

/**
 * Keeps each event of a room, of these kinds.
 * @param {any} adapter
 * @param {string[]} [kinds]
 * @returns {any[][]}
 */
function recordRoomEvents(adapter, kinds = ROOM_EVENTS) {
  /** @type {any[][]} */
  const events = []
  for (const kind of kinds) adapter.on(kind, (/** @type {any[]} */ ...args) => events.push([kind, ...args]))
  return events
}

module.exports = { ROOM_EVENTS, event, mockNamespace, mockNamespaceWith, mockSocket, plain, recordRoomEvents, writtenTo }
