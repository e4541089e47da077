// @ts-check
'use strict'

/** What a mode's messages say, without how: the modes differ in how they are written (`classic.js`, `envelope.js`). */

const { randomBytes } = require('node:crypto')
const { ClassicFormat } = require('./classic')
const { EnvelopeFormat } = require('./envelope')

/**
 * @typedef {'join' | 'leave' | 'disconnect' | 'fetchSockets' | 'allSockets' | 'allRooms' | 'serverSideEmit' | 'broadcast'} RequestKind
 * `broadcast` is one with acknowledgements.
 */

/**
 * What another server asks: nothing of it has been checked but its kind.
 * @typedef {object} Request
 * @property {RequestKind} kind
 * @property {unknown} requestId undefined when no answer is wanted
 * @property {string | null} from who is answered: all when null
 * @property {any} [opts] who is meant
 * @property {any} [rooms] to join or leave, or whose sockets are asked for
 * @property {any} [close]
 * @property {any} [data] `[event, ...arguments]` of serverSideEmit
 * @property {any} [packet] of a broadcast
 * @property {{ sid: any, room: any }} [one] the one socket that joins, leaves or is disconnected, in place of `opts`
 */

/**
 * What another server answers: nothing of it has been checked.
 * @typedef {object} Answer
 * @property {any} uid
 * @property {any} requestId
 * @property {any} [clientCount] of a broadcast: how many will acknowledge it
 * @property {[any]} [acknowledgement] of a broadcast: of one client
 * @property {any} [sockets] their details, or their ids
 * @property {any} [rooms]
 * @property {any} [data] of serverSideEmit
 */

/**
 * Reading gives undefined when something else has come, and never throws.
 * @typedef {object} Format
 * @property {(packet: any, opts: any) => string | Buffer} writeBroadcast one that the engine cannot encode: it has bytes, dates or classes
 * @property {(payload: Buffer) => { packet: any, opts: any, offset?: any } | undefined} readBroadcast
 * @property {(kind: RequestKind, body: any, requestId?: string) => string | Buffer} writeRequest `body`: as in {@link Request}
 * @property {(payload: Buffer) => Request | undefined} readRequest
 * @property {(request: Request, answer: any) => string | Buffer} writeAnswer one of `{ sockets }` (details for fetchSockets, ids for
 *   allSockets), `{ rooms }`, `{ data }`, `{ clientCount }`, `{ packet }` (an acknowledgement)
 * @property {(payload: Buffer) => Answer | undefined} readAnswer
 */

/** @param {import('./options').ClusterSettings} settings @param {string} uid @param {string} nsp @returns {Format} */
function createFormat({ mode, streams }, uid, nsp) {
  return mode === 'pubsub' ? new ClassicFormat(uid) : new EnvelopeFormat(uid, nsp, streams?.plaintext)
}

/** @param {string} mode @returns {string} what this server is known by in a cluster */
function newUid(mode) {
  return mode === 'pubsub' ? randomBytes(6).toString('base64url') : randomBytes(8).toString('hex')
}

/** The ids in an answer. @param {Answer} answer */
function idsOf({ sockets }) {
  return Array.isArray(sockets) ? sockets.map((socket) => (typeof socket === 'string' ? socket : socket?.id)) : []
}

/** The rooms in an answer. @param {Answer} answer */
function roomsOf({ rooms, sockets }) {
  if (Array.isArray(rooms)) return rooms
  return Array.isArray(sockets) ? sockets.flatMap((socket) => socket?.rooms ?? []) : []
}

module.exports = { createFormat, idsOf, newUid, roomsOf }
