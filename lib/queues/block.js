// @ts-check
'use strict'

/**
 * The commands of a tick as one block: what `src/queues/commands.rs` reads. Nothing here calls the app, so that a command is
 * written whole.
 */

const OP = { SEND: 0, SEND_BATCH: 1, REQUEST: 2, ACK: 3, NACK: 4, RELEASE: 5, EXTEND: 6, PROGRESS: 7, CONTROL: 8, SCHEDULE: 9, INTEREST: 10 }
const HAS = { KEY: 1, DEDUP_ID: 2, HEADERS: 4, AFTER: 8, AT: 16, TTL: 32, ATTACHED: 64 }
const NACK = { DELAY: 1, DEAD: 2 }

const WORDS = 16 * 1024
const BYTES = 128 * 1024
/** Bytes from here on are not copied into the block. */
const ATTACH = 16 * 1024
const HIGH = 2 ** 32

/**
 * A message, checked and encoded.
 * @typedef {object} Prepared
 * @property {number} content
 * @property {string | Uint8Array} body
 * @property {PreparedOptions | undefined} options
 */

/**
 * @typedef {object} PreparedOptions
 * @property {number} [priority]
 * @property {string} [key]
 * @property {string} [dedupId]
 * @property {string} [headers] JSON
 * @property {number} [after] ms
 * @property {number} [at] ms since 1970
 * @property {number} [ttl] ms
 */

class CommandBlock {
  words = new Uint32Array(WORDS)
  count = 0
  bytes = Buffer.allocUnsafeSlow(BYTES)
  length = 0
  /** @type {Uint8Array[] | null} */
  attachments = null

  /** Whether it should leave before the end of the tick. */
  get full() {
    return this.count > WORDS * 0.75 || this.length > BYTES * 0.75 || (this.attachments?.length ?? 0) > 32
  }

  /** Begins anew. What had to be large for one message is not kept. */
  clear() {
    this.count = this.length = 0
    this.attachments = null
    if (this.words.length > 4 * WORDS) this.words = new Uint32Array(WORDS)
    if (this.bytes.length > 8 * BYTES) this.bytes = Buffer.allocUnsafeSlow(BYTES)
  }

  /**
   * Makes room for the words of a command, its parts' lengths included.
   * @param {number} op
   * @param {number} [ticket]
   */
  begin(op, ticket) {
    this.#roomForWords(32)
    this.words[this.count++] = op
    if (ticket !== undefined) this.words[this.count++] = ticket
  }

  /** @param {number} word */
  word(word) {
    this.words[this.count++] = word
  }

  /** @param {number} number a whole one of up to 53 bits */
  number(number) {
    this.words[this.count++] = number % HIGH
    this.words[this.count++] = number / HIGH
  }

  /** @param {import('./message').Lease} lease */
  lease(lease) {
    const { words } = this
    words[this.count++] = lease.idLow
    words[this.count++] = lease.idHigh
    this.number(lease.token)
  }

  /** @param {string | Uint8Array} part */
  part(part) {
    const place = this.count++
    this.words[place] = this.#write(part)
  }

  /**
   * @param {number} content
   * @param {string | Uint8Array} part
   */
  tagged(content, part) {
    const place = this.count++
    this.#roomForBytes(1)
    this.bytes[this.length++] = content
    this.words[place] = 1 + this.#write(part)
  }

  /** @param {Prepared} message */
  message({ content, body, options }) {
    this.#roomForWords(16)
    const head = this.count++
    let flags = 0
    if (typeof body !== 'string' && body.length >= ATTACH) {
      flags |= HAS.ATTACHED
      this.attachments ??= []
      this.attachments.push(body)
    } else {
      this.part(body)
    }
    let priority = 0
    if (options !== undefined) {
      priority = options.priority ?? 0
      flags |= this.#options(options)
    }
    this.words[head] = flags | (content << 16) | (priority << 24)
  }

  /** @param {PreparedOptions} options @returns {number} flags */
  #options({ key, dedupId, headers, after, at, ttl }) {
    let flags = 0
    if (key !== undefined) {
      flags |= HAS.KEY
      this.part(key)
    }
    if (dedupId !== undefined) {
      flags |= HAS.DEDUP_ID
      this.part(dedupId)
    }
    if (headers !== undefined) {
      flags |= HAS.HEADERS
      this.part(headers)
    }
    if (after !== undefined) {
      flags |= HAS.AFTER
      this.number(after)
    } else if (at !== undefined) {
      flags |= HAS.AT
      this.number(at)
    }
    if (ttl !== undefined) {
      flags |= HAS.TTL
      this.number(ttl)
    }
    return flags
  }

  /** @param {string | Uint8Array} part @returns {number} its bytes */
  #write(part) {
    if (typeof part !== 'string') {
      this.#roomForBytes(part.length)
      this.bytes.set(part, this.length)
      this.length += part.length
      return part.length
    }
    // A UTF-16 unit has at most three bytes.
    this.#roomForBytes(part.length * 3)
    const written = this.bytes.write(part, this.length, 'utf8')
    this.length += written
    return written
  }

  /** @param {number} count */
  #roomForWords(count) {
    if (this.count + count <= this.words.length) return
    const words = new Uint32Array(this.words.length * 2)
    words.set(this.words)
    this.words = words
  }

  /** @param {number} count */
  #roomForBytes(count) {
    if (this.length + count <= this.bytes.length) return
    const bytes = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + count))
    bytes.set(this.bytes.subarray(0, this.length))
    this.bytes = bytes
  }
}

module.exports = { CommandBlock, NACK, OP }
