// @ts-check
'use strict'

/**
 * A WebSocket of ws that speaks Engine.IO by hand: it sees each frame, and can do what no proper client does.
 */

const WebSocket = require('ws')
const { within } = require('./events')

class WebSocketClient {
  ws
  /** Frames that arrived and were not taken yet. @type {(string | Buffer)[]} */
  frames = []
  /** The code and reason of the end, once it has come. @type {{ code: number, reason: string } | null} */
  closed = null
  #wake = () => {}

  /**
   * @param {string} url of the server
   * @param {{ protocol?: number, query?: string, ws?: WebSocket.ClientOptions, answersPings?: boolean }} [options]
   */
  constructor(url, { protocol = 4, query = '', ws, answersPings = true } = {}) {
    const address = `${url.replace(/^http/, 'ws')}/socket.io/?EIO=${protocol}&transport=websocket${query}`
    this.ws = new WebSocket(address, { perMessageDeflate: false, ...ws })
    this.ws.on('message', (data, isBinary) => {
      const frame = isBinary ? /** @type {Buffer} */ (data) : data.toString()
      if (frame === '2' && answersPings) this.ws.send('3')
      this.frames.push(frame)
      this.#wake()
    })
    this.ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() }
      this.#wake()
    })
    this.ws.on('error', () => {})
  }

  /**
   * Takes the frames up to the first one that is meant, which it returns.
   * @param {string} what
   * @param {(frame: any) => boolean} isMeant
   * @returns {Promise<any>}
   */
  async take(what, isMeant) {
    const taken = await this.takeUntil(what, isMeant)
    return taken[taken.length - 1]
  }

  /**
   * Takes the frames up to the first one that is meant, that one included.
   * @param {string} what
   * @param {(frame: any) => boolean} isMeant
   * @returns {Promise<any[]>}
   */
  takeUntil(what, isMeant) {
    return within(what, this.#takeUntil(what, isMeant))
  }

  /** @param {string} what @param {(frame: any) => boolean} isMeant */
  async #takeUntil(what, isMeant) {
    let place
    while ((place = this.frames.findIndex(isMeant)) === -1) {
      if (this.closed) throw new Error(`the connection ended (${this.closed.code}) before ${what}`)
      await this.#news()
    }
    return this.frames.splice(0, place + 1)
  }

  /** @returns {Promise<void>} */
  #news() {
    return new Promise((resolve) => (this.#wake = () => resolve()))
  }

  /**
   * Connects to a namespace; returns the answer's data.
   * @param {string} [nsp]
   * @param {any} [auth]
   */
  async join(nsp = '/', auth) {
    const prefix = nsp === '/' ? '40' : `40${nsp},`
    await this.take('the Engine.IO handshake', (frame) => frame[0] === '0')
    this.ws.send(prefix + (auth ? JSON.stringify(auth) : ''))
    const answer = await this.take(`CONNECT of ${nsp}`, (frame) => typeof frame === 'string' && frame.startsWith(prefix))
    return JSON.parse(answer.slice(prefix.length))
  }

  /** The end of the connection. */
  async end() {
    await within('the end of the connection', this.#end())
    return this.closed
  }

  async #end() {
    while (!this.closed) await this.#news()
  }

  /** So that a server can close it as one of its clients. */
  disconnect() {
    this.ws.terminate()
  }
}

module.exports = { WebSocketClient }
