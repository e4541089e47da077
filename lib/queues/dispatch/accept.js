// @ts-check
'use strict'

/** Lets the clients of a namespace send to queues, as far as the app allows it. What comes is anybody's. */

const { warn } = require('../errors')
const { encode } = require('../payload')
const { MOST, check, integer, isFunction, isKey, isName, wrong } = require('../rules')
const { isEvent } = require('./options')
const { namespaceOf } = require('./target')

const WHERE = 'accept'

/** @type {import('../rules').Rule} */
const areQueues = (names) =>
  Array.isArray(names) && names.length > 0 && names.every((name) => isName(name) === undefined) ? undefined : 'an array of names of queues'

/** @type {import('../rules').Rule} */
const isRate = (rate) =>
  integer(1, MOST)(rate?.max) || integer(1, MOST)(rate?.per) ? 'an object { max, per } of a number of messages and of milliseconds' : undefined

/** What a client may be allowed to choose. @type {{ [name: string]: import('../rules').Rule }} */
const CLIENTS = { key: isKey, dedupId: isKey }

/** @type {import('../rules').Rule} */
const areAllowed = (names) =>
  Array.isArray(names) && names.every((name) => Object.hasOwn(CLIENTS, name)) ? undefined : 'an array of "key" and "dedupId"'

/** @type {{ [name: string]: import('../rules').Rule }} */
const ACCEPT = {
  event: isEvent,
  queues: areQueues,
  authorize: isFunction,
  rateLimit: isRate,
  maxInFlight: integer(1, 100_000),
  maxBytes: integer(1, 1024 ** 3),
  allow: areAllowed,
}

const DEFAULTS = { event: 'enqueue', rateLimit: { max: 100, per: 1000 }, maxInFlight: 100, maxBytes: 65_536, allow: [] }

/** Why nothing was sent. The text is for the developer of the client; nothing of the server's own errors is in it. */
const REFUSED = {
  ACCEPT_INVALID: 'expected (queue, payload), or (queue, payload, options)',
  ACCEPT_QUEUE_UNKNOWN: 'clients may not send to this queue',
  ACCEPT_OPTION_NOT_ALLOWED: 'this option is not allowed',
  ACCEPT_RATE_LIMITED: 'too many messages: send later',
  ACCEPT_TOO_MANY_IN_FLIGHT: 'too many messages that are not answered yet: wait for answers',
  ACCEPT_TOO_LARGE: 'the message is too large',
  ACCEPT_NOT_AUTHORIZED: 'not authorized',
  ACCEPT_FAILED: 'the message could not be stored',
}

/** @typedef {keyof typeof REFUSED} Refusal */

/** What one socket has used. */
class Usage {
  inFlight = 0
  tokens
  #rate
  #at = performance.now()

  /** @param {{ max: number, per: number }} rate */
  constructor(rate) {
    this.#rate = rate
    this.tokens = rate.max
  }

  /** A bucket that fills evenly. */
  take() {
    const { max, per } = this.#rate
    const now = performance.now()
    this.tokens = Math.min(max, this.tokens + ((now - this.#at) * max) / per)
    this.#at = now
    if (this.tokens < 1) return false
    this.tokens--
    return true
  }
}

class Acceptor {
  #queues
  #nsp
  #settings
  /** @type {Map<any, { usage: Usage, listener: (...args: any[]) => void, forget: () => void }>} */
  #sockets = new Map()
  #counters = { accepted: 0, refused: 0 }
  #closed = false

  /**
   * @param {import('../queues').Queues} queues
   * @param {any} nsp
   * @param {any} options
   */
  constructor(queues, nsp, options) {
    const given = check(WHERE, ACCEPT, options)
    if (given.queues === undefined) throw wrong(WHERE, 'the names of the queues that clients may send to', options)
    if (given.authorize === undefined) throw wrong(WHERE, 'authorize, a function that decides', options)
    this.#settings = /** @type {any} */ ({ ...DEFAULTS, ...given, queues: new Set(given.queues) })
    this.#queues = queues
    this.#nsp = namespaceOf(WHERE, nsp)
    this.#nsp.on('connection', this.#onConnection)
    for (const socket of this.#nsp.sockets.values()) this.#onConnection(socket)
  }

  stats() {
    return { sockets: this.#sockets.size, ...this.#counters }
  }

  /** Nothing is accepted any more. */
  close() {
    this.#closed = true
    this.#nsp.off('connection', this.#onConnection)
    for (const { forget } of [...this.#sockets.values()]) forget()
  }

  #onConnection = (/** @type {any} */ socket) => {
    if (this.#sockets.has(socket)) return
    const usage = new Usage(this.#settings.rateLimit)
    const listener = (/** @type {any[]} */ ...args) => void this.#onEvent(socket, usage, args)
    const forget = () => {
      this.#sockets.delete(socket)
      socket.off(this.#settings.event, listener)
      socket.off('disconnect', forget)
    }
    this.#sockets.set(socket, { usage, listener, forget })
    socket.on(this.#settings.event, listener)
    socket.on('disconnect', forget)
  }

  /**
   * @param {any} socket
   * @param {Usage} usage
   * @param {any[]} args
   */
  async #onEvent(socket, usage, args) {
    const last = args.at(-1)
    const answer = typeof last === 'function' ? last : NOTHING
    const [queue, payload, options] = typeof last === 'function' ? args.slice(0, -1) : args
    let refusal = this.#refusal(usage, queue, payload, options)
    if (refusal === undefined) {
      usage.inFlight++
      try {
        refusal = await this.#send(socket, queue, payload, options, answer)
      } finally {
        usage.inFlight--
      }
    }
    if (refusal === undefined) return void this.#counters.accepted++
    this.#counters.refused++
    answer({ ok: false, code: refusal, message: /** @type {any} */ (REFUSED)[refusal] ?? REFUSED.ACCEPT_FAILED })
  }

  /**
   * What needs no look at the app comes first, the rate before all: a flood costs little.
   * @param {Usage} usage
   * @param {any} queue
   * @param {any} payload
   * @param {any} options
   * @returns {string | undefined}
   */
  #refusal(usage, queue, payload, options) {
    const { queues, maxInFlight, maxBytes, allow } = this.#settings
    if (!usage.take()) return 'ACCEPT_RATE_LIMITED'
    if (usage.inFlight >= maxInFlight) return 'ACCEPT_TOO_MANY_IN_FLIGHT'
    if (typeof queue !== 'string' || payload === undefined) return 'ACCEPT_INVALID'
    if (!queues.has(queue)) return 'ACCEPT_QUEUE_UNKNOWN'
    if (options !== undefined && options !== null) {
      if (typeof options !== 'object' || Array.isArray(options)) return 'ACCEPT_INVALID'
      for (const name of Object.keys(options)) {
        if (!allow.includes(name)) return 'ACCEPT_OPTION_NOT_ALLOWED'
        if (CLIENTS[name](options[name])) return 'ACCEPT_INVALID'
      }
    }
    try {
      const { body } = encode(payload)
      const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length
      return bytes > maxBytes ? 'ACCEPT_TOO_LARGE' : undefined
    } catch {
      // Such as arrays in arrays, thousands deep.
      return 'ACCEPT_INVALID'
    }
  }

  /**
   * @param {any} socket
   * @param {string} name
   * @param {any} payload
   * @param {any} options
   * @param {(answer: object) => void} answer
   * @returns {Promise<string | undefined>} why not
   */
  async #send(socket, name, payload, options, answer) {
    try {
      if ((await this.#settings.authorize(socket, name, payload)) !== true) return 'ACCEPT_NOT_AUTHORIZED'
    } catch (error) {
      warn(error)
      return 'ACCEPT_NOT_AUTHORIZED'
    }
    if (this.#closed) return 'ACCEPT_FAILED'
    try {
      const { id, duplicate } = await this.#queues.queue(name).send(payload, options ?? undefined)
      answer({ ok: true, id, duplicate })
      return undefined
    } catch (error) {
      const code = /** @type {any} */ (error)?.code
      return typeof code === 'string' && code.startsWith('QUEUE_') ? code : 'ACCEPT_FAILED'
    }
  }
}

function NOTHING() {}

module.exports = { Acceptor }
