// @ts-check
'use strict'

/**
 * A Socket.IO client on a bare TCP connection, which can do what real clients do by accident: stop reading, reset, end one
 * half, send anything. It keeps every frame that came, in order.
 */

const { EventEmitter } = require('node:events')
const net = require('node:net')
const { within } = require('./events')
const { shakeHands } = require('./handshake')
const { readPacket } = require('./packets')
const { FrameReader, OP, encodeFrame } = require('./websocket-frames')

/** @typedef {import('./websocket-frames').Frame} Frame */
/** @typedef {import('./packets').Packet} Packet */

/**
 * @typedef {object} Options
 * @property {string} [host]
 * @property {Record<string, string>} [query]
 * @property {string | null} [namespace] to connect to; null for none
 * @property {unknown} [auth]
 * @property {boolean} [answerPings] of Engine.IO
 * @property {boolean} [answerClose] with a close frame
 * @property {boolean} [keepFrames] false for a client that gets more than a test wants in memory
 */

class RawClient {
  /** Everything that came. @type {Frame[]} */
  frames = []
  /** The Socket.IO packets in it. @type {Packet[]} */
  packets = []
  /** The bytes of the frames, as they came. */
  bytes = 0
  /** How the stream ended: `end`, or the code of an error. @type {string | null} */
  ended = null
  /** Of the namespace `/`. @type {string | undefined} */
  id
  socket
  /** What came and may not come. @type {Error | undefined} */
  failure

  #options
  #changes = new EventEmitter()
  #reader = new FrameReader()
  /** The packet whose attachments are coming. @type {{ packet: Packet, missing: number, parts: Buffer[] } | null} */
  #partial = null

  /**
   * @param {net.Socket} socket after the answer to the handshake
   * @param {Options} options
   */
  constructor(socket, options) {
    this.#changes.setMaxListeners(0)
    this.socket = socket
    this.#options = options
    socket.on('data', (chunk) => this.#read(chunk))
    socket.once('end', () => this.#end('end'))
    socket.once('close', () => this.#end('close'))
    socket.on('error', (/** @type {NodeJS.ErrnoException} */ error) => this.#end(error.code ?? error.message))
  }

  /**
   * Connects: TCP, WebSocket, Engine.IO, and the namespace.
   * @param {number} port
   * @param {Options} [options]
   */
  static async open(port, options = {}) {
    const { namespace = '/', auth } = options
    const socket = net.connect({ port, host: options.host ?? '127.0.0.1', allowHalfOpen: true, noDelay: true })
    try {
      const rest = await within('the answer to the handshake', shakeHands(socket, options.query))
      const client = new RawClient(socket, options)
      if (rest.length > 0) client.#read(rest)
      if (namespace === null) return client
      client.id = await client.connectTo(namespace, auth)
      return client
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  /** @param {string} namespace @param {unknown} [auth] @returns {Promise<string>} the socket's id */
  async connectTo(namespace, auth) {
    this.send(`40${namespace === '/' ? '' : `${namespace},`}${auth === undefined ? '' : JSON.stringify(auth)}`)
    const isAnswer = (/** @type {Packet} */ { nsp, type }) => nsp === namespace && (type === 0 || type === 4)
    await this.wait(`the answer to CONNECT ${namespace}`, () => this.packets.some(isAnswer))
    const answer = /** @type {Packet} */ (this.packets.find(isAnswer))
    if (answer.type === 4) throw new Error(`refused: ${JSON.stringify(answer.data)}`)
    return answer.data.sid
  }

  /** The arguments of each event so far. @returns {any[][]} */
  get events() {
    return this.packets.filter(({ type }) => type === 2 || type === 5).map(({ data }) => data)
  }

  /** The arguments of events of that name so far. @param {string} name @returns {any[][]} */
  all(name) {
    return this.events.filter(([event]) => event === name).map(([, ...args]) => args)
  }

  /** Waits for an event of that name, past or coming. @param {string} name @returns {Promise<any[]>} its arguments */
  async event(name) {
    await this.wait(`the event ${name}`, () => this.#has(name))
    return this.all(name)[0]
  }

  /** @param {string} name */
  #has(name) {
    // The newest first: whoever waits, waits for what has just come.
    for (let i = this.packets.length - 1; i >= 0; i--) {
      const { type, data } = this.packets[i]
      if ((type === 2 || type === 5) && data[0] === name) return true
    }
    return false
  }

  /**
   * Waits until something holds that changes when something comes.
   * @param {string} what
   * @param {() => unknown} holds
   */
  async wait(what, holds) {
    if (holds()) return
    let check = () => {}
    const changed = new Promise((resolve, reject) => {
      check = () => {
        if (holds()) resolve(undefined)
        else if (this.ended) reject(new Error(`the connection ended (${this.ended}) before ${what}`))
      }
      this.#changes.on('change', check)
    })
    try {
      await within(what, changed)
    } finally {
      this.#changes.off('change', check)
    }
  }

  /** Waits until the server has ended the stream. @returns {Promise<string>} how */
  async end() {
    await this.wait('the end of the stream', () => this.ended)
    return /** @type {string} */ (this.ended)
  }

  /** @param {string} text of an Engine.IO packet */
  send(text) {
    this.write(encodeFrame(OP.TEXT, text))
  }

  /** @param {...unknown} args of an event, its name first */
  emit(...args) {
    this.send(`42${JSON.stringify(args)}`)
  }

  /** @param {Buffer | string} payload */
  ping(payload) {
    this.write(encodeFrame(OP.PING, payload))
  }

  /** @param {number} [code] */
  close(code = 1000) {
    const payload = Buffer.alloc(2)
    payload.writeUInt16BE(code)
    this.write(encodeFrame(OP.CLOSE, payload))
  }

  /** @param {Buffer} bytes as they are */
  write(bytes) {
    if (this.socket.writable) this.socket.write(bytes)
  }

  pause() {
    this.socket.pause()
  }

  resume() {
    this.socket.resume()
  }

  /** Ends our half of the connection. */
  endHalf() {
    this.socket.end()
  }

  /** The connection is gone at once: the server gets ECONNRESET. */
  reset() {
    this.socket.resetAndDestroy()
  }

  destroy() {
    this.socket.destroy()
  }

  /** The code of the close frame that came. @returns {number | undefined} */
  get closeCode() {
    const frame = this.frames.find(({ opcode }) => opcode === OP.CLOSE)
    return frame && frame.payload.length >= 2 ? frame.payload.readUInt16BE() : undefined
  }

  /** Bytes of a frame that never ended. */
  get rest() {
    return this.#reader.rest
  }

  /** @param {Buffer} chunk */
  #read(chunk) {
    this.bytes += chunk.length
    try {
      for (const frame of this.#reader.push(chunk)) this.#take(frame)
    } catch (error) {
      this.#fail(/** @type {Error} */ (error))
    }
    this.#changes.emit('change')
  }

  /** @param {Frame} frame */
  #take(frame) {
    if (this.#options.keepFrames !== false) this.frames.push(frame)
    if (frame.opcode === OP.TEXT) this.#takeText(frame.payload.toString())
    else if (frame.opcode === OP.BINARY) this.#takeBinary(frame.payload)
    else if (frame.opcode === OP.CLOSE && this.#options.answerClose !== false) {
      this.write(encodeFrame(OP.CLOSE, frame.payload))
    }
  }

  /** @param {string} text */
  #takeText(text) {
    if (text === '2' && this.#options.answerPings !== false) return this.send('3')
    if (text[0] !== '4') return
    if (this.#partial) throw new Error(`expected an attachment, got ${text.slice(0, 40)}`)
    const { packet, attachments } = readPacket(text.slice(1))
    if (attachments === 0) this.packets.push(packet)
    else this.#partial = { packet, missing: attachments, parts: [] }
  }

  /** @param {Buffer} part */
  #takeBinary(part) {
    const partial = this.#partial
    if (!partial) throw new Error('expected no attachment, got one')
    partial.parts.push(part)
    if (partial.parts.length < partial.missing) return
    this.#partial = null
    this.packets.push({ ...partial.packet, data: fill(partial.packet.data, partial.parts) })
  }

  /** @param {Error} error */
  #fail(error) {
    this.failure ??= error
    this.#end('not Socket.IO')
    this.socket.destroy()
  }

  /** @param {string} how */
  #end(how) {
    if (this.ended) return
    this.ended = how
    // A stream that was ended is ended by us too, unless it has gone already.
    if (how === 'end') this.socket.end()
    this.#changes.emit('change')
  }
}

/** Puts attachments where they belong. @param {any} data @param {Buffer[]} parts @returns {any} */
function fill(data, parts) {
  if (data === null || typeof data !== 'object') return data
  if (data._placeholder === true) return parts[data.num]
  if (Array.isArray(data)) return data.map((item) => fill(item, parts))
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, fill(value, parts)]))
}

module.exports = { RawClient }
