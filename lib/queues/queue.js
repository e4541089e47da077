// @ts-check
'use strict'

const { OP } = require('./block')
const { Dispatcher } = require('./dispatch/dispatcher')
const { dispatchOptions } = require('./dispatch/options')
const { targetOf } = require('./dispatch/target')
const { warn } = require('./errors')
const { eventMask, isQueueEvent } = require('./events')
const { Management } = require('./management')
const { queueOptions, workerOptions } = require('./options')
const { prepare, prepareOne } = require('./prepare')
const { check, isBoolean, isFunction, isMillis, wrong } = require('./rules')
const { Worker } = require('./worker')

const REQUEST_TIMEOUT = 30_000
const MOST_BATCH = 1_000_000

/** @type {{ [name: string]: import('./rules').Rule }} */
const REQUEST = { timeout: isMillis, cancel: isBoolean, onProgress: isFunction }

class Queue extends Management {
  #engine
  /** @type {Function | undefined} */
  #backoff
  #where
  #mask = 0

  /**
   * @param {import('./queues').Queues} queues
   * @param {import('./engine').QueueEngine} engine
   * @param {string} name checked
   */
  constructor(queues, engine, name) {
    super(queues, engine, name)
    this.#engine = engine
    this.#where = `queue ${JSON.stringify(name)}, send`
    this.on('newListener', (event) => this.#subscribe(event))
    this.on('removeListener', () => this.#subscribe())
  }

  /** @param {unknown} options `undefined`: as the queue is, or the defaults */
  declare(options) {
    const { settings, backoff } = options === undefined ? NO_OPTIONS : queueOptions(this.name, options)
    if (/** @type {any} */ (settings)?.deadLetter === this.name) {
      throw wrong(`queue ${JSON.stringify(this.name)}`, 'another queue as deadLetter', this.name)
    }
    if (options !== undefined) this.#backoff = backoff
    this.#declare(settings)
  }

  /** @param {object | undefined} settings */
  #declare(settings) {
    const command = { do: 'declare', queue: this.number, name: this.name, options: settings }
    // That the engine has ended is told otherwise.
    this.#engine.control(command).catch((error) => this.#engine.ended ?? warn(error))
  }

  /**
   * Declares it as a queue whose messages wait for interest in their key: see `by_interest` in `crates/queue/src/options.rs`.
   * @param {object} options those that each queue has
   * @param {{ keyMaxLength: number }} more
   */
  declareByInterest(options, more) {
    this.#declare({ ...queueOptions(this.name, options).settings, byInterest: true, ...more })
  }

  /** The app's own, if there is one. */
  get backoff() {
    return this.#backoff
  }

  /**
   * @param {any} payload
   * @param {any} [options]
   * @returns {Promise<any>}
   */
  send(payload, options) {
    let message
    try {
      message = prepare(this.#where, payload, options)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#engine.ask((block, ticket) => {
      block.begin(OP.SEND, ticket)
      block.word(this.number)
      block.message(message)
    })
  }

  /**
   * @param {Iterable<any>} messages
   * @returns {Promise<any[]>}
   */
  async sendBatch(messages) {
    if (typeof messages?.[Symbol.iterator] !== 'function') throw wrong(this.#where, 'an array of messages', messages)
    const prepared = Array.from(messages, (message) => prepareOne(this.#where, message))
    if (prepared.length > MOST_BATCH) throw wrong(this.#where, `a batch of at most ${MOST_BATCH} messages`, prepared.length)
    if (prepared.length === 0) return []
    return this.#engine.ask((block, ticket) => {
      block.begin(OP.SEND_BATCH, ticket)
      block.word(this.number)
      block.word(prepared.length)
      for (const message of prepared) block.message(message)
    })
  }

  /**
   * @param {any} payload
   * @param {any} [options]
   * @returns {Promise<any>} what the consumer returned
   */
  async request(payload, options = {}) {
    const { timeout = REQUEST_TIMEOUT, cancel = true, onProgress, ...sending } = options
    check(`queue ${JSON.stringify(this.name)}, request`, REQUEST, { timeout, cancel, onProgress })
    const message = prepare(this.#where, payload, sending)
    return this.#engine.ask((block, ticket) => {
      block.begin(OP.REQUEST, ticket)
      block.word(this.number)
      block.number(Math.ceil(timeout))
      block.word(cancel ? 1 : 0)
      block.message(message)
    }, onProgress ?? true)
  }

  /**
   * @param {Function} handler
   * @param {any} [options]
   */
  consume(handler, options) {
    const settings = workerOptions(this.name, handler, options)
    if (this.#engine.ended) throw this.#engine.ended
    return new Worker(this.#engine, this, handler, settings)
  }

  /**
   * @param {any} operator of Socket.IO: whose sockets are the workers
   * @param {any} options
   */
  dispatch(operator, options) {
    const settings = dispatchOptions(this.name, options)
    const target = targetOf(`queue ${JSON.stringify(this.name)}, dispatch`, operator)
    if (this.#engine.ended) throw this.#engine.ended
    return new Dispatcher(this.#engine, this, target, settings)
  }

  /** Asks for the events that somebody listens to. @param {string | symbol} [added] not counted yet */
  #subscribe(added) {
    const mask = eventMask((name) => name === added || this.listenerCount(name) > 0)
    if (mask === this.#mask) return
    this.#mask = mask
    this.#engine.tell({ do: 'subscribe', queue: this.number, events: mask })
  }
}

const NO_OPTIONS = { settings: undefined, backoff: undefined }

module.exports = { Queue }
