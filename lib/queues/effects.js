// @ts-check
'use strict'

/**
 * Reads a block of what came out of the engine, as `src/queues/effects.rs` writes it, and tells the one who waits.
 */

const { readEvent } = require('./events')
const { queueError } = require('./errors')
const { Message, idText } = require('./message')
const { CONTENT, decode, decodeTagged } = require('./payload')

const KIND = {
  OPENED: 0,
  FAILED: 1,
  DONE: 2,
  SENT: 3,
  SENT_BATCH: 4,
  ANSWER: 5,
  PAGE: 6,
  REFUSED: 7,
  DELIVER: 8,
  LEASE_ENDED: 9,
  WORKER_CLOSED: 10,
  REPLIED: 11,
  PROGRESS: 12,
  EVENT: 13,
  EVENTS_LOST: 14,
  CLOSED: 15,
  CONNECTION: 16,
  WARNING: 17,
}

const NOT_SENT = 2
const HIGH = 2 ** 32
const NO_BYTES = Buffer.alloc(0)

/** Goes through words and bytes. */
class EffectReader {
  words
  bytes
  offset = 0
  #at = 1
  #end

  /**
   * @param {Uint32Array} words
   * @param {Buffer | null} bytes
   */
  constructor(words, bytes) {
    this.words = words
    this.bytes = bytes ?? NO_BYTES
    this.#end = words[0]
  }

  get more() {
    return this.#at < this.#end
  }

  word() {
    return this.words[this.#at++]
  }

  number() {
    return this.words[this.#at++] + this.words[this.#at++] * HIGH
  }

  /** @returns {number} where the part that begins at `offset` ends */
  skipPart() {
    return (this.offset += this.words[this.#at++])
  }

  part() {
    const start = this.offset
    return this.bytes.subarray(start, this.skipPart())
  }

  text() {
    const start = this.offset
    return this.bytes.toString('utf8', start, this.skipPart())
  }

  /** @returns {any} */
  json() {
    return JSON.parse(this.text())
  }

  error() {
    const { code, message } = this.json()
    return queueError(code, message)
  }

  id() {
    const low = this.word()
    return idText(this.word(), low)
  }

  /** @param {number} [duplicate] */
  receipt(duplicate = this.word()) {
    return { id: this.id(), duplicate: duplicate === 1 }
  }
}

/**
 * @param {import('./engine').QueueEngine} engine
 * @param {EffectReader} reader
 */
function readEffects(engine, reader) {
  while (reader.more) readEffect(engine, reader, reader.word())
}

/**
 * @param {import('./engine').QueueEngine} engine
 * @param {EffectReader} reader
 * @param {number} kind
 */
function readEffect(engine, reader, kind) {
  switch (kind) {
    case KIND.SENT:
      return engine.sent(reader.word(), reader.receipt())
    case KIND.DELIVER:
      return deliver(engine, reader)
    case KIND.DONE:
      return engine.answered(reader.word(), undefined)
    case KIND.SENT_BATCH:
      return engine.answered(reader.word(), batchResults(reader))
    case KIND.ANSWER:
      return engine.answered(reader.word(), reader.json())
    case KIND.PAGE:
      return engine.answered(reader.word(), page(reader))
    case KIND.REFUSED:
      return engine.refused(reader.word(), reader.error())
    case KIND.REPLIED:
      return engine.answered(reader.word(), decodeTagged(reader.part()))
    case KIND.PROGRESS:
      return engine.progressed(reader.word(), decodeTagged(reader.part()))
    case KIND.LEASE_ENDED: {
      const worker = engine.worker(reader.word())
      const [token, reason] = [reader.number(), reader.word()]
      return worker?.leaseEnded(token, reason)
    }
    case KIND.WORKER_CLOSED:
      return engine.workerClosed(reader.word())
    case KIND.EVENT: {
      const queue = engine.queue(reader.word())
      const { name, event } = readEvent(reader)
      return engine.call(() => queue?.emit(name, event))
    }
    case KIND.EVENTS_LOST:
      return engine.eventsLost(reader.number())
    case KIND.OPENED:
      return engine.opened(reader.json())
    case KIND.FAILED:
      return engine.failed(reader.error())
    case KIND.CLOSED:
      return engine.closed()
    case KIND.CONNECTION:
      return engine.connection(reader.word() === 1 ? undefined : reader.error())
    case KIND.WARNING:
      return engine.warned(reader.error())
    default:
      throw new Error(`expected an effect that src/queues/effects.rs writes, got ${kind}`)
  }
}

/**
 * @param {import('./engine').QueueEngine} engine
 * @param {EffectReader} reader
 */
function deliver(engine, reader) {
  const worker = engine.worker(reader.word())
  const messages = new Array(reader.word())
  for (let i = 0; i < messages.length; i++) messages[i] = new Message(/** @type {any} */ (worker?.holding), reader)
  worker?.deliver(messages)
}

/** @param {EffectReader} reader */
function batchResults(reader) {
  const results = new Array(reader.word())
  for (let i = 0; i < results.length; i++) {
    const first = reader.word()
    results[i] = first === NOT_SENT ? { error: reader.error() } : reader.receipt(first)
  }
  return results
}

/**
 * Messages, or schedules: their payloads follow the JSON.
 * @param {EffectReader} reader
 */
function page(reader) {
  const { items, next } = reader.json()
  for (const item of items) {
    const start = reader.offset
    const end = reader.skipPart()
    const { content, headers } = item
    delete item.content
    const part = reader.bytes.subarray(start, end)
    // An item may be kept for long, and the other bytes with it.
    const copied = content === CONTENT.BYTES || content === CONTENT.PARTS
    item.payload = decode(content, copied ? Buffer.from(part) : part, 0, part.length)
    item.headers = headers === null ? {} : JSON.parse(headers)
    for (const name of Object.keys(item)) if (item[name] === null && name !== 'payload') delete item[name]
  }
  return { items, next: next ?? undefined }
}

module.exports = { EffectReader, readEffects }
