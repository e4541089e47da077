// @ts-check
'use strict'

const { inspect } = require('node:util')
const { queueError } = require('./errors')
const { CONTENT, decode } = require('./payload')

/**
 * What settles a delivery: the message's id, and the fencing token of this delivery.
 * @typedef {object} Lease
 * @property {number} idLow
 * @property {number} idHigh
 * @property {number} token
 */

const HAS = { KEY: 1, HEADERS: 2, DETAILS: 4, ASCII: 8 }

/** Where a delivery stands. */
const OPEN = 0
const SETTLED = 1
const ENDED = 2

const NO_HEADERS = Object.freeze({})
const UNREAD = Symbol('not decoded yet')

let lastHigh = -1
let lastHighText = ''

/** Three and two hexadecimal digits: `toString(16)` is slow for numbers of more than 31 bits. */
const THREE = Array.from({ length: 4096 }, (_, number) => number.toString(16).padStart(3, '0'))
const TWO = THREE.slice(0, 256).map((digits) => digits.slice(1))

/**
 * An id as text. Its upper half changes every four seconds.
 * @param {number} high
 * @param {number} low
 * @returns {string} 16 hexadecimal digits
 */
function idText(high, low) {
  if (high !== lastHigh) {
    lastHigh = high
    lastHighText = high.toString(16).padStart(8, '0')
  }
  return lastHighText + THREE[low >>> 20] + THREE[(low >>> 8) & 0xfff] + TWO[low & 0xff]
}

/** A message that a worker holds. Its parts are decoded when they are asked for. */
class Message {
  idLow
  idHigh
  token
  attempt
  priority
  #holding
  #bytes
  #content
  #flags
  #start
  #end
  #keyEnd
  #headersEnd
  #detailsEnd
  #state = OPEN
  /** @type {unknown} */
  #payload = UNREAD
  /** @type {Record<string, string> | undefined} */
  #headers
  /** @type {import('./errors').QueueError | undefined} */
  #endedBy
  /** The call of the handler that has it. @type {import('./run').Run | undefined} */
  #run

  /**
   * @param {import('./holding').Holding} holding
   * @param {import('./effects').EffectReader} reader stands at its words
   */
  constructor(holding, reader) {
    this.#holding = holding
    this.#bytes = reader.bytes
    this.idLow = reader.word()
    this.idHigh = reader.word()
    this.token = reader.number()
    const head = reader.word()
    this.attempt = head & 0xffff
    this.priority = head >>> 24
    this.#content = (head >>> 16) & 0xff
    this.#flags = reader.word()
    this.#start = reader.offset
    this.#end = reader.skipPart()
    this.#keyEnd = this.#flags & HAS.KEY ? reader.skipPart() : this.#end
    this.#headersEnd = this.#flags & HAS.HEADERS ? reader.skipPart() : this.#keyEnd
    this.#detailsEnd = this.#flags & HAS.DETAILS ? reader.skipPart() : this.#headersEnd
  }

  get id() {
    return idText(this.idHigh, this.idLow)
  }

  get sentAt() {
    return this.idHigh * 2 ** 12 + (this.idLow >>> 20)
  }

  get payload() {
    if (this.#payload === UNREAD) {
      this.#payload = decode(this.#content, this.#bytes, this.#start, this.#end, (this.#flags & HAS.ASCII) !== 0)
    }
    return this.#payload
  }

  get headers() {
    if ((this.#flags & HAS.HEADERS) === 0) return NO_HEADERS
    this.#headers ??= JSON.parse(this.#bytes.toString('utf8', this.#keyEnd, this.#headersEnd))
    return this.#headers
  }

  get key() {
    return this.#flags & HAS.KEY ? this.#bytes.toString('utf8', this.#end, this.#keyEnd) : undefined
  }

  get deliverAt() {
    return this.#detail('deliverAt')
  }

  get expiresAt() {
    return this.#detail('expiresAt')
  }

  get origin() {
    return this.#detail('origin')
  }

  get schedule() {
    return this.#detail('schedule')
  }

  /** @param {string} name */
  #detail(name) {
    if ((this.#flags & HAS.DETAILS) === 0) return undefined
    return JSON.parse(this.#bytes.toString('utf8', this.#headersEnd, this.#detailsEnd))[name] ?? undefined
  }

  /** @param {unknown} [result] */
  ack(result) {
    return this.#holding.settle(this, { ack: true, result })
  }

  /**
   * @param {unknown} error
   * @param {import('../..').NackOptions} [options]
   */
  nack(error, options = {}) {
    return this.#holding.settle(this, { ack: false, error, ...options })
  }

  release() {
    return this.#holding.settle(this, { release: true })
  }

  toJSON() {
    const { id, payload, headers, key, priority, attempt, sentAt, deliverAt, expiresAt, origin, schedule } = this
    return { id, payload, headers, key, priority, attempt, sentAt, deliverAt, expiresAt, origin, schedule }
  }

  [inspect.custom]() {
    return this.toJSON()
  }

  // For the worker.

  /**
   * The payload as JSON text: one that is stored as JSON is not parsed for it.
   * @param {Message} message
   * @returns {string | undefined} undefined: there are bytes in it, which JSON cannot hold
   */
  static jsonOf(message) {
    const content = message.#content
    if (content === CONTENT.NOTHING) return 'null'
    if (content !== CONTENT.JSON && content !== CONTENT.TEXT) return undefined
    const ascii = (message.#flags & HAS.ASCII) !== 0
    const text = decode(CONTENT.TEXT, message.#bytes, message.#start, message.#end, ascii)
    return content === CONTENT.JSON ? text : JSON.stringify(text)
  }

  /** @param {Message} message */
  static headersJson(message) {
    if ((message.#flags & HAS.HEADERS) === 0) return '{}'
    return message.#bytes.toString('utf8', message.#keyEnd, message.#headersEnd)
  }

  /** @param {Message} message */
  static isOpen(message) {
    return message.#state === OPEN
  }

  /** @param {Message} message */
  static settled(message) {
    message.#state = SETTLED
  }

  /**
   * @param {Message} message
   * @param {import('./run').Run} run
   */
  static givenTo(message, run) {
    message.#run = run
  }

  /** @param {Message} message */
  static runOf(message) {
    return message.#run
  }

  /**
   * The lease ended.
   * @param {Message} message
   * @param {import('./errors').QueueError} error
   */
  static ended(message, error) {
    message.#state = ENDED
    message.#endedBy = error
  }

  /** Why it cannot be settled or extended. @param {Message} message */
  static notHeld(message) {
    if (message.#endedBy) return message.#endedBy
    return queueError('QUEUE_LEASE_ENDED', `message ${message.id} is not held any more`)
  }
}

module.exports = { Message, idText }
