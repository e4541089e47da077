// @ts-check
'use strict'

/** What stands in the messages of Socket.IO's cluster adapters: `{ uid, nsp, type, data }`, as JSON or MessagePack. */

const { readMessage } = require('./message')
const { encode } = require('./msgpack')

/** @typedef {import('./format').Answer} Answer */
/** @typedef {import('./format').Format} Format */
/** @typedef {import('./format').Request} Request */
/** @typedef {import('./format').RequestKind} RequestKind */

/** `MessageType` of socket.io-adapter. */
const TYPE = {
  BROADCAST: 3,
  SOCKETS_JOIN: 4,
  SOCKETS_LEAVE: 5,
  DISCONNECT_SOCKETS: 6,
  FETCH_SOCKETS: 7,
  FETCH_SOCKETS_RESPONSE: 8,
  SERVER_SIDE_EMIT: 9,
  SERVER_SIDE_EMIT_RESPONSE: 10,
  BROADCAST_CLIENT_COUNT: 11,
  BROADCAST_ACK: 12,
}

/** The format has no question for ids or rooms alone: the sockets are asked for. @type {Record<RequestKind, number>} */
const NUMBERS = {
  broadcast: TYPE.BROADCAST,
  join: TYPE.SOCKETS_JOIN,
  leave: TYPE.SOCKETS_LEAVE,
  disconnect: TYPE.DISCONNECT_SOCKETS,
  serverSideEmit: TYPE.SERVER_SIDE_EMIT,
  allSockets: TYPE.FETCH_SOCKETS,
  allRooms: TYPE.FETCH_SOCKETS,
  fetchSockets: TYPE.FETCH_SOCKETS,
}
const KINDS = new Map(Object.entries(NUMBERS).map(([kind, number]) => [number, /** @type {RequestKind} */ (kind)]))

/** What may hold bytes. @type {Set<number>} */
const BINARY = new Set([
  TYPE.BROADCAST,
  TYPE.FETCH_SOCKETS_RESPONSE,
  TYPE.SERVER_SIDE_EMIT,
  TYPE.SERVER_SIDE_EMIT_RESPONSE,
  TYPE.BROADCAST_ACK,
])

/** @implements {Format} */
class EnvelopeFormat {
  #uid
  #nsp
  #plaintext

  /** @param {string} uid of this server @param {string} nsp @param {boolean} [plaintext] bytes are never written as such */
  constructor(uid, nsp, plaintext = false) {
    this.#uid = uid
    this.#nsp = nsp
    this.#plaintext = plaintext
  }

  /** @param {number} type @param {any} data @returns {string | Buffer} */
  #write(type, data) {
    const message = { type, data, uid: this.#uid, nsp: this.#nsp }
    return !this.#plaintext && BINARY.has(type) && hasBytes(data) ? encode(message) : JSON.stringify(message)
  }

  /** @param {any} packet @param {any} opts */
  writeBroadcast({ type, data }, opts) {
    return this.#write(TYPE.BROADCAST, { packet: { type, data }, opts })
  }

  /** @param {Buffer} payload */
  readBroadcast(payload) {
    const { data, nsp, offset } = read(payload)
    return { packet: data.packet && { ...data.packet, nsp: data.packet.nsp ?? nsp }, opts: data.opts, offset }
  }

  /** @param {RequestKind} kind @param {any} body @param {string} [requestId] */
  writeRequest(kind, { opts, rooms, close, data, packet }, requestId) {
    if (kind === 'serverSideEmit') return this.#write(TYPE.SERVER_SIDE_EMIT, { requestId, packet: data })
    if (kind === 'broadcast') {
      const { type, data: args } = packet
      return this.#write(TYPE.BROADCAST, { packet: { type, data: args }, requestId, opts })
    }
    if (kind === 'allSockets') opts = { rooms, except: [], flags: {} }
    if (kind === 'allRooms') opts = { rooms: [], except: [], flags: {} }
    if (kind === 'join' || kind === 'leave') return this.#write(NUMBERS[kind], { opts, rooms })
    return this.#write(NUMBERS[kind], { opts, close, requestId })
  }

  /** @param {Buffer} payload @returns {Request | undefined} */
  readRequest(payload) {
    const { uid, nsp, type, data } = read(payload)
    const kind = KINDS.get(type)
    if (!kind) return undefined
    const { requestId, opts, rooms, close, packet } = data
    const from = typeof uid === 'string' && uid !== 'emitter' ? uid : null
    const common = { kind, requestId: requestId ?? undefined, from, opts, rooms, close }
    if (kind === 'serverSideEmit') return { ...common, data: packet }
    return { ...common, packet: packet && { ...packet, nsp: packet.nsp ?? nsp } }
  }

  /** @param {Request} request @param {any} answer */
  writeAnswer({ kind, requestId }, answer) {
    if ('clientCount' in answer) {
      return this.#write(TYPE.BROADCAST_CLIENT_COUNT, { requestId, clientCount: answer.clientCount })
    }
    if ('packet' in answer) return this.#write(TYPE.BROADCAST_ACK, { requestId, packet: answer.packet })
    if (kind === 'serverSideEmit') return this.#write(TYPE.SERVER_SIDE_EMIT_RESPONSE, { requestId, packet: answer.data })
    return this.#write(TYPE.FETCH_SOCKETS_RESPONSE, { requestId, sockets: answer.sockets })
  }

  /** @param {Buffer} payload @returns {Answer | undefined} */
  readAnswer(payload) {
    const { uid, type, data } = read(payload)
    const { requestId, clientCount, packet, sockets } = data
    switch (type) {
      case TYPE.BROADCAST_CLIENT_COUNT:
        return { uid, requestId, clientCount }
      case TYPE.BROADCAST_ACK:
        return { uid, requestId, acknowledgement: [packet] }
      case TYPE.SERVER_SIDE_EMIT_RESPONSE:
        return { uid, requestId, data: packet }
      case TYPE.FETCH_SOCKETS_RESPONSE:
        return { uid, requestId, sockets }
    }
  }
}

/** @param {Buffer} payload @returns {any} its data is an object */
function read(payload) {
  const message = readMessage(payload)
  const data = message?.data
  return { ...message, data: typeof data === 'object' && data !== null ? data : {} }
}

/** Whether bytes are anywhere in a value, as JSON would see it. @param {any} value @returns {boolean} */
function hasBytes(value) {
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return true
  if (Array.isArray(value)) return value.some(hasBytes)
  if (typeof value.toJSON === 'function') return hasBytes(value.toJSON())
  return Object.values(value).some(hasBytes)
}

module.exports = { EnvelopeFormat }
