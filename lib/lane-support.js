// @ts-check
'use strict'

/**
 * Whether a connection can have a lane. Everything that is not known for certain has none, and behaves exactly as stock.
 */

const net = require('node:net')
const { isOriginal } = require('./originals')

/** Marks what a lane owns, also for other copies of this package in the process. */
const kLane = Symbol.for('socket.io-native-adapter.lane')

/**
 * The methods that a lane bypasses, and what the source of each one contains when nobody has replaced it. A monitoring tool
 * that wraps one wants to see packets: its connections stay on the compat path.
 * @type {[of: (conn: any) => any, method: string, contains: RegExp][]}
 */
const BYPASSED = [
  [(conn) => conn, 'write', /sendPacket/],
  [(conn) => conn, 'sendPacket', /packetCreate/],
  [(conn) => conn, 'flush', /writeBuffer/],
  [(conn) => conn.transport, 'send', /writable/],
  [(conn) => conn.transport.socket, 'send', /_sender/],
  [(conn) => conn.transport.socket._sender, 'send', /readOnly/],
  [(conn) => conn.transport.socket._sender, 'sendFrame', /_socket/],
]

/** zlib's default level. */
const DEFAULT_LEVEL = 6

/** The `readyState` of a WebSocket. */
const OPEN = 1

/** @param {any} conn */
function isPatched(conn) {
  return BYPASSED.some(([of, method, contains]) => !isOriginal(of(conn)[method], contains))
}

/** Whether Socket.IO's own way to a connection was replaced. @param {any} client */
function isClientPatched(client) {
  return !isOriginal(client?.writeToEngine, /conn\.write/)
}

/**
 * Why an Engine.IO connection cannot have a lane, or null when it can.
 * @param {any} conn
 * @param {import('./options').Settings} settings
 * @returns {import('..').CompatReason | null}
 */
function compatReason(conn, settings) {
  if (!settings.lanes) return 'off'
  if (process.platform === 'win32') return 'platform'
  const transport = conn.transport
  if (transport?.name === 'polling' || transport?.name === 'webtransport') return transport.name
  const ws = transport?.socket
  const stream = ws?._socket
  if (transport?.name !== 'websocket' || !(stream instanceof net.Socket) || !hasShapeOfWs(ws)) return 'engine'
  if (conn[kLane] || ws._sender[kLane]) return 'foreign'
  const handle = /** @type {any} */ (stream)._handle
  if (/** @type {any} */ (stream).encrypted || handle?.constructor.name === 'TLSWrap') return 'tls'
  if (!hasSharedDeflate(ws)) return 'deflate'
  if (!transport.supportsBinary) return 'base64'
  if (isPatched(conn)) return 'patched'
  if (ws.readyState !== OPEN || !stream.writable) return 'opening'
  if (!(handle?.fd >= 0)) return 'descriptor'
  return null
}

const DEFLATE = 'permessage-deflate'

/** The window of zlib that is the same for everybody, in bits. */
const FULL_WINDOW = 15

/**
 * Whether messages are not compressed, or each one for itself with the full window: then a broadcast is compressed once, and
 * is the same for each connection.
 * @param {any} ws
 */
function hasSharedDeflate(ws) {
  const { [DEFLATE]: deflate, ...others } = ws._extensions
  if (Object.keys(others).length > 0) return false
  if (!deflate) return true
  const { server_no_context_takeover: alone, server_max_window_bits: bits = FULL_WINDOW } = deflate.params ?? {}
  return alone === true && bits === FULL_WINDOW
}

/**
 * From how many bytes on messages are compressed, and how (zlib's level); a negative threshold when they are not.
 * @param {any} ws
 * @returns {{ threshold: number, level: number }}
 */
function deflateOf(ws) {
  const deflate = ws._extensions[DEFLATE]
  if (!deflate) return { threshold: -1, level: 0 }
  const level = deflate._options?.zlibDeflateOptions?.level ?? -1
  return { threshold: deflate._threshold ?? 1024, level: level >= 0 ? level : DEFAULT_LEVEL }
}

/** @param {any} ws */
function hasShapeOfWs(ws) {
  const sender = ws._sender
  return (
    typeof sender?.sendFrame === 'function' &&
    sender._socket === ws._socket &&
    typeof ws._extensions === 'object' &&
    ws._extensions !== null
  )
}

/**
 * Whether bytes of this connection still wait in JavaScript or libuv: a lane would overtake them.
 * @param {any} conn
 */
function hasWaitingBytes(conn) {
  const { _socket: stream, _sender: sender } = conn.transport.socket
  const busy = sender._deflating === true || sender._state > 0 || sender._queue?.length > 0
  return busy || stream.writableLength > 0 || stream._handle.writeQueueSize > 0
}

module.exports = { compatReason, deflateOf, hasWaitingBytes, isClientPatched, kLane }
