// @ts-check
'use strict'

/** What stands in the messages of mode `pubsub`: the format of redis-adapter's `createAdapter()` and of redis-emitter. */

const { readMessage } = require('./message')
const { encode } = require('./msgpack')

/** @typedef {import('./format').Answer} Answer */
/** @typedef {import('./format').Format} Format */
/** @typedef {import('./format').Request} Request */
/** @typedef {import('./format').RequestKind} RequestKind */

const TYPE = {
  SOCKETS: 0,
  ALL_ROOMS: 1,
  REMOTE_JOIN: 2,
  REMOTE_LEAVE: 3,
  REMOTE_DISCONNECT: 4,
  REMOTE_FETCH: 5,
  SERVER_SIDE_EMIT: 6,
  BROADCAST: 7,
  BROADCAST_CLIENT_COUNT: 8,
  BROADCAST_ACK: 9,
}

/** @type {Record<RequestKind, number>} */
const NUMBERS = {
  allSockets: TYPE.SOCKETS,
  allRooms: TYPE.ALL_ROOMS,
  join: TYPE.REMOTE_JOIN,
  leave: TYPE.REMOTE_LEAVE,
  disconnect: TYPE.REMOTE_DISCONNECT,
  fetchSockets: TYPE.REMOTE_FETCH,
  serverSideEmit: TYPE.SERVER_SIDE_EMIT,
  broadcast: TYPE.BROADCAST,
}
const KINDS = new Map(Object.entries(NUMBERS).map(([kind, number]) => [number, /** @type {RequestKind} */ (kind)]))

/** @implements {Format} */
class ClassicFormat {
  #uid

  /** @param {string} uid of this server */
  constructor(uid) {
    this.#uid = uid
  }

  /** @param {any} packet @param {any} opts */
  writeBroadcast({ type, data, nsp }, opts) {
    return encode([this.#uid, { type, data, nsp }, opts])
  }

  /** @param {Buffer} payload */
  readBroadcast(payload) {
    const message = readMessage(payload)
    if (!Array.isArray(message)) return undefined
    const [, packet, opts] = message
    return { packet: packet && { ...packet, nsp: packet.nsp ?? '/' }, opts }
  }

  /** @param {RequestKind} kind @param {any} body @param {string} [requestId] */
  writeRequest(kind, { opts, packet, ...rest }, requestId) {
    const type = NUMBERS[kind]
    const request = { uid: this.#uid, requestId, type, ...rest }
    if (kind === 'broadcast') {
      const { type: packetType, data, nsp } = packet
      return encode({ ...request, packet: { type: packetType, data, nsp }, opts })
    }
    if (!opts) return JSON.stringify(request)
    const { rooms, except } = opts
    return JSON.stringify({ ...request, opts: { rooms, except } })
  }

  /** @param {Buffer} payload @returns {Request | undefined} */
  readRequest(payload) {
    const message = readMessage(payload)
    const kind = KINDS.get(message?.type)
    if (!kind) return undefined
    const { uid, requestId, opts, rooms, close, data, packet, sid, room } = message
    const from = typeof uid === 'string' && uid !== 'emitter' ? uid : null
    // The form of older versions, for one socket.
    const one = opts || !(kind === 'join' || kind === 'leave' || kind === 'disconnect') ? undefined : { sid, room }
    return { kind, requestId, from, opts, rooms, close, data, packet, one }
  }

  /** @param {Request} request @param {any} answer */
  writeAnswer({ kind, requestId }, answer) {
    const whole = { ...answer, requestId, uid: this.#uid }
    if ('clientCount' in answer) return JSON.stringify({ ...whole, type: TYPE.BROADCAST_CLIENT_COUNT })
    if ('packet' in answer) return encode({ ...whole, type: TYPE.BROADCAST_ACK })
    return JSON.stringify(kind === 'serverSideEmit' ? { ...whole, type: TYPE.SERVER_SIDE_EMIT } : whole)
  }

  /** @param {Buffer} payload @returns {Answer | undefined} */
  readAnswer(payload) {
    const message = readMessage(payload)
    if (typeof message !== 'object' || message === null) return undefined
    const { uid, requestId, type, clientCount, packet, sockets, rooms, data } = message
    if (type === TYPE.BROADCAST_CLIENT_COUNT) return { uid, requestId, clientCount }
    if (type === TYPE.BROADCAST_ACK) return { uid, requestId, acknowledgement: [packet] }
    return { uid, requestId, sockets, rooms, data }
  }
}

module.exports = { ClassicFormat }
