// @ts-check
'use strict'

/**
 * One native engine: finds those who wait for its answers, and keeps the process alive while somebody does.
 */

const { openQueues } = require('../native')
const { flushAtExit, forgetAtExit } = require('../exit')
const { OP } = require('./block')
const { Commands } = require('./commands')
const { EffectReader, readEffects } = require('./effects')
const { QueueError, closedError } = require('./errors')
const { KeepAlive } = require('./keep-alive')
const { Tickets } = require('./tickets')

/** In the place of the number of words: there are more. */
const MORE = 2 ** 32 - 1

class QueueEngine {
  #native
  #words = new Uint32Array(4096)
  #tickets = new Tickets()
  /** Why nothing is taken any more. @type {QueueError | undefined} */
  #ended
  /** @type {import('./worker').Worker[]} */
  #workers = []
  /** @type {number[]} */
  #freeWorkers = []
  /** @type {import('./queue').Queue[]} */
  #queues = []
  #owner

  /**
   * @param {import('../../native').NativeQueuesOptions} options
   * @param {{ onOpened(report: any): void, onFailed(error: QueueError): void, onClosed(): void, onEventsLost(count: number): void,
   *   onConnection(error?: QueueError): void, onWarning(warning: QueueError): void }} owner
   */
  constructor(options, owner) {
    this.#owner = owner
    this.#native = openQueues(options, this.#take)
    this.commands = new Commands(this.#native, this.#take, (cause) => this.#misunderstood(cause))
    this.keepAlive = new KeepAlive(this.#native)
    flushAtExit(this)
  }

  /** Why nothing is taken any more. */
  get ended() {
    return this.#ended
  }

  /**
   * A promise of the answer to the command that `write` writes with the ticket.
   * @param {(block: import('./block').CommandBlock, ticket: number) => void} write must not call the app
   * @param {((data: any) => void) | true} [request] it is one, and what takes its progress
   * @returns {Promise<any>}
   */
  ask(write, request) {
    if (this.#ended) return Promise.reject(this.#ended)
    /** @type {import('./tickets').Waiting} */
    const waiting = { resolve: NOTHING, reject: NOTHING, onProgress: undefined, request: request !== undefined }
    if (typeof request === 'function') waiting.onProgress = request
    const promise = new Promise((resolve, reject) => {
      waiting.resolve = resolve
      waiting.reject = reject
    })
    this.keepAlive.hold()
    write(this.commands.block, this.#tickets.add(waiting))
    this.commands.touch()
    return promise
  }

  /**
   * @param {object} command of those in `src/queues/control.rs`
   * @returns {Promise<any>}
   */
  control(command) {
    const json = JSON.stringify(command)
    return this.ask((block, ticket) => {
      block.begin(OP.CONTROL, ticket)
      block.part(json)
    })
  }

  /** A command that is not answered. @param {object} command */
  tell(command) {
    if (this.#ended) return
    this.commands.block.begin(OP.CONTROL, 0)
    this.commands.block.part(JSON.stringify(command))
    this.commands.touch()
  }

  /** @type {(write: (block: import('./block').CommandBlock, ticket: number) => void, onAnswer?: () => void) => void} answered in its place among the effects */
  tellBack = (write, onAnswer) => {
    if (onAnswer) this.keepAlive.hold()
    const waiting = onAnswer && { resolve: onAnswer, reject: NOTHING, onProgress: undefined, request: false }
    write(this.commands.block, waiting ? this.#tickets.add(waiting) : 0)
    this.commands.touch()
  }

  /** @param {unknown} cause */
  #misunderstood(cause) {
    this.failed(new QueueError('QUEUE_INTERNAL', 'a block of commands was not understood: please report it', { cause }))
    this.#native.close()
  }

  /** Begins to close: nothing is taken any more. */
  close() {
    this.commands.flush()
    this.#ended ??= closedError()
    this.keepAlive.hold()
    this.#native.close()
  }

  /** The process ends: there is no later. */
  flushAtExit() {
    this.commands.flush()
    this.#ended ??= closedError()
    // Waits until what was submitted is durable.
    this.#native.dispose()
  }

  // Workers and queues by their numbers.

  /** @param {import('./worker').Worker} worker @returns {number} */
  addWorker(worker) {
    const number = this.#freeWorkers.pop() ?? this.#workers.length
    this.#workers[number] = worker
    return number
  }

  /** @param {number} number @returns {import('./worker').Worker | undefined} */
  worker(number) {
    return this.#workers[number]
  }

  /** @returns {import('./worker').Worker[]} */
  workers() {
    return this.#workers.filter(Boolean)
  }

  /** @param {import('./queue').Queue} queue @returns {number} */
  addQueue(queue) {
    return this.#queues.push(queue) - 1
  }

  /** @param {number} number @returns {import('./queue').Queue | undefined} */
  queue(number) {
    return this.#queues[number]
  }

  // Answers.

  #take = () => {
    let bytes = this.#native.take(this.#words)
    if (this.#words[0] === MORE) {
      this.#words = new Uint32Array(Math.max(this.#words[1], this.#words.length * 2))
      bytes = this.#native.take(this.#words)
    }
    readEffects(this, new EffectReader(this.#words, bytes))
    this.keepAlive.relax()
  }

  /**
   * @param {number} ticket
   * @param {any} receipt
   */
  sent(ticket, receipt) {
    if (!this.#tickets.get(ticket)?.request) this.answered(ticket, receipt)
  }

  /**
   * @param {number} ticket
   * @param {any} value
   */
  answered(ticket, value) {
    this.#release(ticket)?.resolve(value)
  }

  /**
   * @param {number} ticket
   * @param {QueueError} error
   */
  refused(ticket, error) {
    this.#release(ticket)?.reject(error)
  }

  /**
   * @param {number} ticket
   * @param {any} data
   */
  progressed(ticket, data) {
    const onProgress = this.#tickets.get(ticket)?.onProgress
    if (onProgress) this.call(() => onProgress(data))
  }

  /** @param {number} ticket */
  #release(ticket) {
    const waiting = this.#tickets.take(ticket)
    if (waiting) this.keepAlive.letGo()
    return waiting
  }

  /** @param {any} report */
  opened(report) {
    this.#owner.onOpened(report)
  }

  /** @param {QueueError} error */
  failed(error) {
    if (!this.#ended || this.#ended.code === 'QUEUE_CLOSED') this.#ended = error
    this.#refuseAll(error)
    this.#owner.onFailed(error)
  }

  closed() {
    const error = this.#ended ?? closedError()
    this.#ended = error
    for (const worker of this.workers()) worker.closed()
    this.#refuseAll(error)
    forgetAtExit(this)
    this.#native.dispose()
    this.#owner.onClosed()
  }

  /** @param {QueueError} error */
  #refuseAll(error) {
    for (const ticket of this.#tickets.all()) this.refused(ticket, error)
  }

  /** @param {number} number */
  workerClosed(number) {
    const worker = this.#workers[number]
    delete this.#workers[number]
    this.#freeWorkers.push(number)
    worker?.closed()
  }

  /** The store is elsewhere. @param {QueueError} [error] why it is not to be reached now */
  connection(error) {
    this.#owner.onConnection(error)
  }

  /** @param {QueueError} warning */
  warned(warning) {
    this.#owner.onWarning(warning)
  }

  /** @param {number} count */
  eventsLost(count) {
    this.#owner.onEventsLost(count)
  }

  /** What the app does wrong in a listener must not cost the others their news. @param {() => void} listener */
  call(listener) {
    try {
      listener()
    } catch (error) {
      process.nextTick(rethrow, error)
    }
  }
}

/** @param {unknown} error */
function rethrow(error) {
  throw error
}

function NOTHING() {}

module.exports = { QueueEngine }
