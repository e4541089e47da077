// @ts-check
'use strict'

/** @typedef {import('node:net').Socket} Socket */

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

/**
 * The WebSocket handshake of a Socket.IO client.
 *
 * @param {Socket} socket
 * @param {Record<string, string>} [query]
 * @returns {Promise<Buffer>} what came after the answer
 */
function shakeHands(socket, query = {}) {
  const search = new URLSearchParams({ EIO: '4', transport: 'websocket', ...query })
  const lines = [`GET /socket.io/?${search} HTTP/1.1`, 'Host: 127.0.0.1', 'Connection: Upgrade', 'Upgrade: websocket']
  const request = [...lines, 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${KEY}`, '', ''].join('\r\n')
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0)
    const onEnd = () => reject(new Error('the connection ended during the handshake'))
    const onData = (/** @type {Buffer} */ chunk) => {
      head = Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) return
      socket.off('data', onData).off('error', reject).off('end', onEnd)
      const status = head.subarray(0, head.indexOf('\r\n')).toString()
      if (!status.includes(' 101 ')) return reject(new Error(`expected 101 Switching Protocols, got ${status}`))
      resolve(head.subarray(end + 4))
    }
    socket.once('connect', () => socket.write(request))
    socket.on('data', onData).once('error', reject).once('end', onEnd)
  })
}

module.exports = { shakeHands }
