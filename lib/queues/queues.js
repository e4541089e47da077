// @ts-check
'use strict'

const { EventEmitter } = require('node:events')
const { Acceptor } = require('./dispatch/accept')
const { QueueEngine } = require('./engine')
const { warn } = require('./errors')
const { openingOptions } = require('./options')
const { Queue } = require('./queue')
const { check, checkName, isMillis } = require('./rules')
const { queueClass } = require('./traced')

const CLOSE_TIMEOUT = 10_000

class Queues extends EventEmitter {
  #engine
  /** @type {typeof Queue} */
  #Queue
  /** By name. @type {Map<string, Queue>} */
  #queues = new Map()
  /** @type {Promise<void> | undefined} */
  #closing
  #markClosed = NOTHING
  #closed = new Promise((resolve) => (this.#markClosed = () => resolve(undefined)))
  #failure = false
  #ready
  /** @type {(report: any) => void} */
  #markReady = NOTHING
  /** @type {(error: Error) => void} */
  #markFailed = NOTHING

  /**
   * @param {unknown} options
   * @param {boolean} [view] only look at the store
   */
  constructor(options, view = false) {
    super()
    const { tracing, ...opening } = openingOptions(options)
    const settings = { ...opening, view }
    this.#Queue = tracing ? queueClass() : Queue
    this.#ready = new Promise((resolve, reject) => {
      this.#markReady = resolve
      this.#markFailed = reject
    })
    this.#ready.catch(NOTHING)
    this.#engine = new QueueEngine(settings, {
      onOpened: (report) => this.#markReady(report),
      onFailed: (error) => this.#failed(error),
      onClosed: () => this.#ended(),
      onEventsLost: (count) => this.emit('events-lost', count),
      onConnection: (error) => this.#engine.call(() => (error ? this.emit('down', error) : this.emit('up'))),
      onWarning: (warning) => this.#warned(warning),
    })
  }

  /**
   * @param {string} name
   * @param {any} [options]
   * @returns {Queue}
   */
  queue(name, options) {
    checkName('queue', name)
    if (this.#engine.ended) throw this.#engine.ended
    const known = this.#queues.get(name)
    if (known) {
      if (options !== undefined) known.declare(options)
      return known
    }
    const queue = new this.#Queue(this, this.#engine, name)
    queue.declare(options)
    this.#queues.set(name, queue)
    return queue
  }

  /**
   * Lets the clients of a namespace send.
   * @param {any} nsp
   * @param {any} options
   */
  accept(nsp, options) {
    if (this.#engine.ended) throw this.#engine.ended
    return new Acceptor(this, nsp, options)
  }

  /** @returns {Promise<any>} what opening found */
  async ready() {
    // Somebody waits: the process goes on until it is open.
    await this.flush()
    return this.#ready
  }

  /** @returns {Promise<string[]>} */
  names() {
    return this.#engine.control({ do: 'queues' })
  }

  /** @returns {Promise<any>} what the store holds and has done */
  stats() {
    return this.#engine.control({ do: 'store' })
  }

  /** @returns {Promise<void>} */
  flush() {
    return this.#engine.control({ do: 'flush' })
  }

  /**
   * @param {import('../..').CloseOptions} [options]
   * @returns {Promise<void>}
   */
  close(options) {
    const { timeout = CLOSE_TIMEOUT } = check('close', { timeout: isMillis }, options)
    this.#closing ??= this.#close(timeout)
    return this.#closing
  }

  /** @param {number} timeout */
  async #close(timeout) {
    await Promise.all(this.#engine.workers().map((worker) => worker.close({ timeout })))
    if (this.#engine.ended === undefined) this.#engine.close()
    return /** @type {Promise<any>} */ (this.#closed)
  }

  /** @param {Error} error */
  #failed(error) {
    if (this.#failure) return
    this.#failure = true
    this.#markFailed(error)
    if (this.listenerCount('error') > 0) this.#engine.call(() => this.emit('error', error))
    else warn(error)
  }

  /** @param {Error} warning */
  #warned(warning) {
    if (this.listenerCount('warning') > 0) this.#engine.call(() => this.emit('warning', warning))
    else warn(warning)
  }

  #ended() {
    this.#markClosed()
    this.#engine.call(() => this.emit('closed'))
  }
}

function NOTHING() {}

/** @param {unknown} options */
function createQueues(options) {
  return new Queues(options)
}

/**
 * The store of another process as it is on the disk: what is changed stays in memory. Counters begin with 0.
 * @param {string} path
 */
function viewQueues(path) {
  return new Queues({ path }, true)
}

module.exports = { Queues, createQueues, viewQueues }
