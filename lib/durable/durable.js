// @ts-check
'use strict'

const { EventEmitter } = require('node:events')
const { Queues } = require('../queues/queues')
const { warn } = require('../queues/errors')
const { wrong } = require('../queues/rules')
const { unpack } = require('./content')
const { Delivery } = require('./delivery')
const { DurableOperator, checkRooms } = require('./operator')
const { checkRoom, durableOptions, namespaceOf } = require('./options')

/** Nobody needs to find a message that is gone, or is on its way. */
const NOT_WAITING = new Set(['QUEUE_MESSAGE_NOT_FOUND', 'QUEUE_MESSAGE_HELD'])
const AT_ONCE = 1_000

class Durable extends EventEmitter {
  #nsp
  #queue
  #delivery
  #queues
  #name
  /** Of what is scheduled and not kept; made when it is needed. @type {{ queue: any, worker: any } | undefined} */
  #scheduled
  /** @type {Promise<void> | undefined} */
  #closing

  /**
   * @param {any} io
   * @param {any} queues
   * @param {unknown} options
   */
  constructor(io, queues, options) {
    super()
    if (!(queues instanceof Queues)) throw wrong('durable', 'what createQueues() returned, as the second argument', queues)
    const settings = durableOptions(options)
    this.#nsp = namespaceOf(io)
    this.#queues = queues
    this.#name = settings.name ?? `durable:${this.#nsp.name}`
    const { window, maxLength, overflow, ttl, maxAttempts, deadLetter } = settings
    this.#queue = queues.queue(this.#name)
    this.#queue.declareByInterest(
      { keyConcurrency: window, overflow, ttl, maxAttempts, deadLetter },
      { keyMaxLength: maxLength },
    )
    this.#delivery = new Delivery(this.#nsp, this.#queue, settings, this)
    // What an earlier process has scheduled is sent, too.
    this.#schedule()
  }

  get queue() {
    return this.#queue
  }

  /** @param {string} room */
  to(room) {
    return new DurableOperator(this, checkRoom(room))
  }

  /** @param {Iterable<string>} rooms */
  audience(rooms) {
    if (typeof rooms === 'string' || typeof rooms?.[Symbol.iterator] !== 'function') {
      throw wrong('durable emit, audience', 'an array of rooms', rooms)
    }
    return new DurableOperator(this, checkRooms(rooms))
  }

  /** @param {string} id @returns {Promise<boolean>} whether it was there, and is not any more */
  async cancel(id) {
    for (const queue of [this.#queue, this.#schedule().queue]) {
      try {
        await queue.remove(id)
        return true
      } catch (error) {
        if (!NOT_WAITING.has(/** @type {any} */ (error).code)) throw error
      }
    }
    return false
  }

  stats() {
    const { counts, rooms, inFlight } = this.#delivery
    return { rooms, inFlight, ...counts }
  }

  /** @returns {Promise<void>} */
  close() {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close() {
    const scheduled = this.#scheduled
    await Promise.all([this.#delivery.close(), scheduled?.worker.close()])
    this.emit('closed')
  }

  // For the operator and the delivery.

  /** @param {boolean} volatile */
  queueFor(volatile) {
    return volatile ? this.#schedule().queue : this.#queue
  }

  #schedule() {
    if (!this.#scheduled) {
      const queue = this.#queues.queue(`${this.#name}:scheduled`)
      // A key is the room here, and is not to hold anything back.
      queue.declare({ keyConcurrency: AT_ONCE, maxAttempts: 1 })
      const worker = queue.consume((/** @type {any} */ message) => {
        const { event, args } = unpack(message.payload)
        this.#nsp.to(message.key).emit(event, ...args)
      })
      worker.unref()
      worker.on('error', (error) => this.report(error))
      this.#scheduled = { queue, worker }
    }
    return this.#scheduled
  }

  /**
   * @param {string} event
   * @param {object} what
   */
  tell(event, what) {
    if (this.listenerCount(event) === 0) return
    try {
      this.emit(event, what)
    } catch (error) {
      process.nextTick(rethrow, error)
    }
  }

  /** @param {unknown} error */
  report(error) {
    if (this.listenerCount('error') > 0) this.tell('error', /** @type {any} */ (error))
    else warn(error)
  }
}

/** @param {unknown} error */
function rethrow(error) {
  throw error
}

/**
 * @param {any} io
 * @param {any} queues
 * @param {any} [options]
 */
function durable(io, queues, options) {
  return new Durable(io, queues, options)
}

module.exports = { Durable, durable }
