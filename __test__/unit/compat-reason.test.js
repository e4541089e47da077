'use strict'

const net = require('node:net')
const WebSocket = require('ws')
const { compatReason } = require('../../lib/lane-support')

/** A connection of Engine.IO and ws as far as the decision looks, which could have a lane. */
function connection() {
  const stream = Object.create(net.Socket.prototype, {
    _handle: { value: { fd: 3, constructor: { name: 'TCP' } }, writable: true },
    writable: { value: true, writable: true },
  })
  const sender = {
    _socket: stream,
    send() {
      return 'readOnly'
    },
    sendFrame() {
      return this._socket
    },
  }
  const ws = {
    readyState: WebSocket.OPEN,
    _socket: stream,
    _extensions: {},
    _sender: sender,
    send() {
      return this._sender
    },
  }
  const transport = {
    name: 'websocket',
    socket: ws,
    supportsBinary: true,
    send() {
      return this.writable
    },
  }
  return {
    transport,
    write() {
      return this.sendPacket
    },
    sendPacket() {
      return 'packetCreate'
    },
    flush() {
      return this.writeBuffer
    },
  }
}

const LANES = { lanes: true }

test('a WebSocket of ws on a plain socket can have a lane', () => {
  expect(compatReason(connection(), LANES)).toBe(null)
})

/** What is different, and the reason that the documentation gives for it. */
const DIFFERENCES = [
  ['long-polling', 'polling', (conn) => (conn.transport = { name: 'polling' })],
  ['WebTransport', 'webtransport', (conn) => (conn.transport = { name: 'webtransport' })],
  ['a transport with another name', 'engine', (conn) => (conn.transport.name = 'carrier pigeon')],
  ['no transport', 'engine', (conn) => (conn.transport = undefined)],
  ['no stream below', 'engine', (conn) => (conn.transport.socket._socket = undefined)],
  ['a stream that is not a socket', 'engine', (conn) => (conn.transport.socket._socket = {})],
  ['no sender', 'engine', (conn) => delete conn.transport.socket._sender],
  ['a sender of another stream', 'engine', (conn) => (conn.transport.socket._sender._socket = {})],
  ['a sender without sendFrame', 'engine', (conn) => (conn.transport.socket._sender.sendFrame = undefined)],
  ['no extensions', 'engine', (conn) => (conn.transport.socket._extensions = null)],
  ['a TLS handle', 'tls', (conn) => (conn.transport.socket._socket._handle.constructor.name = 'TLSWrap')],
  ['an encrypted stream', 'tls', (conn) => (conn.transport.socket._socket.encrypted = true)],
  ['per-message deflate', 'deflate', (conn) => (conn.transport.socket._extensions = { 'permessage-deflate': {} })],
  ['a client that wants base64', 'base64', (conn) => (conn.transport.supportsBinary = false)],
  ['a replaced write()', 'patched', (conn) => (conn.write = () => {})],
  ['a replaced sendPacket()', 'patched', (conn) => (conn.sendPacket = () => {})],
  ['a replaced flush()', 'patched', (conn) => (conn.flush = () => {})],
  ['a replaced send() of the transport', 'patched', (conn) => (conn.transport.send = () => {})],
  ['a replaced send() of the WebSocket', 'patched', (conn) => (conn.transport.socket.send = () => {})],
  ['a replaced sendFrame()', 'patched', (conn) => (conn.transport.socket._sender.sendFrame = () => {})],
  ['a handle without a descriptor', 'descriptor', (conn) => (conn.transport.socket._socket._handle.fd = -1)],
  ['a WebSocket that is closing', 'opening', (conn) => (conn.transport.socket.readyState = WebSocket.CLOSING)],
  ['a stream that ends', 'opening', (conn) => (conn.transport.socket._socket.writable = false)],
  ['no handle any more', 'descriptor', (conn) => (conn.transport.socket._socket._handle = null)],
  ['a lane of another copy of this package', 'foreign', (conn) => (conn[Symbol.for('socket.io-native-adapter.lane')] = {})],
]

test.each(DIFFERENCES)('with %s it stays on the compat path: %s', (_, reason, change) => {
  const conn = connection()
  change(conn)
  expect(compatReason(conn, LANES)).toBe(reason)
})

test('with lanes: false, and on Windows, nothing has a lane', () => {
  expect(compatReason(connection(), { lanes: false })).toBe('off')
  const platform = Object.getOwnPropertyDescriptor(process, 'platform')
  Object.defineProperty(process, 'platform', { ...platform, value: 'win32' })
  try {
    expect(compatReason(connection(), LANES)).toBe('platform')
  } finally {
    Object.defineProperty(process, 'platform', platform)
  }
})
