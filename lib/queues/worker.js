// @ts-check
'use strict'

/** Runs the app's handler for what the engine delivers, and settles it. */

const { EventEmitter } = require('node:events')
const { OP } = require('./block')
const { queueError, warn } = require('./errors')
const { REASONS } = require('./events')
const { Holding } = require('./holding')
const { Message } = require('./message')
const { check, isMillis } = require('./rules')
const { Run } = require('./run')

/**
 * @typedef {object} WorkerSettings
 * @property {number} concurrency
 * @property {number} prefetch
 * @property {number} visibilityTimeout
 * @property {number} [maxRunTime]
 * @property {{ size: number, wait: number }} [batch]
 * @property {AbortSignal} [signal]
 */

const OPEN = 0
const CLOSING = 1
const CLOSED = 2

const CLOSE_TIMEOUT = 10_000

class Worker extends EventEmitter {
  holding
  #engine
  #queue
  #handler
  #settings
  #number
  #state = OPEN
  #running = 0
  /** Prefetched: messages, or batches of them. @type {(Message | Message[])[]} */
  #waiting = []
  #starting = false
  #strong = true
  /** @type {(() => void) | undefined} */
  #onIdle
  /** @type {Promise<void> | undefined} */
  #closing
  #closed
  #markClosed = NOTHING

  /**
   * @param {import('./engine').QueueEngine} engine
   * @param {import('./queue').Queue} queue
   * @param {Function} handler
   * @param {WorkerSettings} settings
   */
  constructor(engine, queue, handler, settings) {
    super()
    this.#engine = engine
    this.#queue = queue
    this.#handler = handler
    this.#settings = settings
    this.holding = new Holding(engine, queue, (error) => this.#report(error))
    this.#closed = new Promise((resolve) => (this.#markClosed = () => resolve(undefined)))
    this.#number = engine.addWorker(this)
    engine.keepAlive.hold()
    this.#register()
    const { signal } = settings
    if (signal?.aborted) this.close()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  get queue() {
    return this.#queue
  }

  /** How many handlers run. */
  get running() {
    return this.#running
  }

  #register() {
    const { concurrency, prefetch, batch, visibilityTimeout, maxRunTime } = this.#settings
    const held = Math.min((concurrency + prefetch) * (batch?.size ?? 1), 2 ** 31)
    const options = { concurrency: held, visibilityTimeout, maxRunTime, batch }
    const command = { do: 'consume', worker: this.#number, queue: this.#queue.number, options }
    this.#engine.control(command).catch((error) => {
      if (this.#state === CLOSED) return
      this.#engine.workerClosed(this.#number)
      this.#report(error)
    })
  }

  #onAbort = () => {
    this.close()
  }

  /**
   * Of a queue by interest: whether messages of this key are taken.
   * @param {string} key
   * @param {boolean} wanted
   * @param {() => void} [onAnswer] called between the deliveries under the interest before and those under this one
   */
  interest(key, wanted, onAnswer) {
    if (this.#state === CLOSED || this.#engine.ended) return
    this.#engine.tellBack((block, ticket) => {
      block.begin(OP.INTEREST, ticket)
      block.word(this.#number)
      block.word(wanted ? 1 : 0)
      block.part(key)
    }, onAnswer)
  }

  /** What is said of messages from now on leaves when this turn of the event loop ends. */
  gather() {
    this.#engine.commands.gather()
  }

  // What the engine tells.

  /** @param {Message[]} messages with `batch` together one batch */
  deliver(messages) {
    for (const message of messages) this.holding.add(message)
    if (this.#state !== OPEN) return this.#giveBack(messages)
    if (this.#settings.batch) this.#waiting.push(messages)
    else for (const message of messages) this.#waiting.push(message)
    this.#start()
  }

  /**
   * @param {number} token
   * @param {number} reason
   */
  leaseEnded(token, reason) {
    const message = this.holding.get(token)
    if (!message) return
    const why = REASONS[reason] === 'maxRunTime' ? `maxRunTime (${this.#settings.maxRunTime} ms) has passed` : 'it has expired'
    const error = queueError('QUEUE_LEASE_ENDED', `the lease of message ${message.id} has ended, ${why}`)
    this.#lose(message, error)
    this.#engine.call(() => this.emit('lease-ended', message, error))
  }

  /** Nothing is delivered any more. */
  closed() {
    if (this.#state === CLOSED) return
    this.#state = CLOSED
    this.#settings.signal?.removeEventListener('abort', this.#onAbort)
    this.#loseAll()
    if (this.#strong) this.#engine.keepAlive.letGoNow()
    this.#markClosed()
    this.#engine.call(() => this.emit('closed'))
  }

  // Runs.

  #start() {
    // A handler that returns at once would begin the next one from within itself.
    if (this.#starting) return
    this.#starting = true
    while (this.#running < this.#settings.concurrency) {
      const messages = this.#waiting.shift()
      if (messages === undefined) break
      this.#run(messages)
    }
    this.#starting = false
  }

  /** @param {Message | Message[]} messages */
  #run(messages) {
    const run = new Run(this.holding, messages)
    if (!Array.isArray(messages)) Message.givenTo(messages, run)
    else for (const message of messages) Message.givenTo(message, run)
    this.#running++
    let result
    try {
      result = this.#handler(messages, run)
    } catch (error) {
      return this.#finish(run, { ack: false, error })
    }
    if (typeof result?.then !== 'function') return this.#finish(run, { ack: true, result })
    Promise.resolve(result).then(
      (value) => this.#finish(run, { ack: true, result: value }),
      (error) => this.#finish(run, { ack: false, error }),
    )
  }

  /**
   * @param {Run} run
   * @param {import('./settle').Outcome} outcome
   */
  #finish(run, outcome) {
    if (run.over) return
    // One result cannot be that of many requests.
    const own = outcome.ack && this.#settings.batch ? { ack: true } : outcome
    for (const message of Run.open(run)) this.holding.finish(message, own)
    this.#end(run)
  }

  /** @param {Run} run */
  #end(run) {
    run.over = true
    this.#running--
    if (this.#running === 0) this.#onIdle?.()
    if (this.#waiting.length > 0) this.#start()
  }

  /** What is given back is the first to be delivered again: so the last goes first. @param {Message[]} messages */
  #giveBack(messages) {
    for (const message of messages.reverse()) this.holding.release(message)
  }

  /**
   * @param {Message} message
   * @param {import('./errors').QueueError} error
   */
  #lose(message, error) {
    this.holding.lost(message, error)
    const run = Message.runOf(message)
    if (!run) {
      this.#waiting = this.#waiting.filter((waiting) => waiting !== message)
      return
    }
    Run.stop(run, error)
    if (!run.over && Run.open(run).length === 0) this.#end(run)
  }

  #loseAll() {
    const error = queueError('QUEUE_LEASE_ENDED', 'the worker was closed before the handler was done')
    for (const message of this.holding.all()) this.#lose(message, error)
  }

  // The end.

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
    if (this.#state === OPEN) {
      this.#state = CLOSING
      this.#engine.tell({ do: 'setConcurrency', worker: this.#number, concurrency: 0 })
      this.#giveBack(this.#waiting.splice(0).flat())
      if (this.#running > 0) await this.#idle(timeout)
      this.#loseAll()
      if (this.#state === CLOSING) this.#engine.tell({ do: 'closeWorker', worker: this.#number })
    }
    await this.#closed
    // The last acknowledgements are durable then.
    if (!this.#engine.ended) await this.#engine.control({ do: 'flush' }).catch(NOTHING)
  }

  /** @param {number} timeout @returns {Promise<void>} */
  #idle(timeout) {
    return new Promise((resolve) => {
      const timer = timeout < 2 ** 31 ? setTimeout(() => resolve(), timeout) : undefined
      this.#onIdle = () => {
        clearTimeout(timer)
        resolve()
      }
      this.#closed.then(this.#onIdle)
    })
  }

  /** An open worker keeps the process alive. */
  ref() {
    if (!this.#strong && this.#state !== CLOSED) this.#engine.keepAlive.hold()
    this.#strong = true
    return this
  }

  /** It does not any more. */
  unref() {
    if (this.#strong && this.#state !== CLOSED) this.#engine.keepAlive.letGoNow()
    this.#strong = false
    return this
  }

  /** @param {unknown} error */
  #report(error) {
    if (this.listenerCount('error') > 0) this.#engine.call(() => this.emit('error', error))
    else warn(error)
  }
}

function NOTHING() {}

module.exports = { Worker }
