'use strict'

/**
 * The ways in which clients reach a server, and what their connections have with lanes on.
 */

const https = require('node:https')
const parser = require('socket.io-msgpack-parser')
const connectVersion2 = require('socket.io-client-2')
const { selfSigned } = require('./certificate')

/** @typedef {import('./server').Options & { name: string, polls?: boolean }} Transport */

/** @type {Transport[]} */
const TRANSPORTS = [
  { name: 'WebSocket' },
  { name: 'long-polling', client: { transports: ['polling'] }, expected: 'polling', polls: true },
  { name: 'long-polling with upgrade', client: { transports: ['polling', 'websocket'] } },
  { name: 'msgpack', server: { parser }, client: { parser } },
  { name: 'Engine.IO 3', server: { allowEIO3: true }, connect: connectVersion2 },
  {
    name: 'Engine.IO 3 with upgrade',
    server: { allowEIO3: true },
    client: { transports: ['polling', 'websocket'] },
    connect: connectVersion2,
  },
  { name: 'per-message deflate', server: { perMessageDeflate: { threshold: 0 } }, expected: 'deflate' },
  {
    name: 'per-message deflate without context take-over',
    server: { perMessageDeflate: { threshold: 0, serverNoContextTakeover: true } },
  },
  { name: 'base64', client: { forceBase64: true }, expected: 'base64' },
  {
    name: 'TLS',
    listen: () => https.createServer(selfSigned()),
    client: { rejectUnauthorized: false },
    expected: 'tls',
  },
  { name: 'a Unix socket', unix: true },
]

module.exports = { TRANSPORTS }
