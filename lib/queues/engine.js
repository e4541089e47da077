// @ts-check
'use strict'

/**
 * One native engine: gathers the commands of a tick into one call, finds those who wait for answers, and keeps the process alive
 * while somebody does.
 */

const { setImmediate } = require('node:timers')
const { openQueues } = require('../native')
const { flushAtExit, forgetAtExit } = require('../exit')
const { CommandBlock, OP } = require('./block')
const { EffectReader, readEffects } = require('./effects')
const { QueueError, closedError } = require('./errors')
const { KeepAlive } = require('./keep-alive')
const { Tickets } = require('./tickets')

/** After so many words of commands that were applied in their own tick (a fraction of a millisecond), the event loop has its turn. */
const MOST_IN_PLACE = 1024

/** In the place of the number of words: there are more. */
const MORE = 2 ** 32 - 1

class QueueEngine {
  block = new CommandBlock()
  #native
  #words = new Uint32Array(4096)
  #tickets = new Tickets()
  #armed = false
  /** Words of commands that were applied in their own tick since the event loop had its turn. */
  #inPlace = 0
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
   * @param {{ onOpened(report: any): void, onFailed(error: QueueError): void, onClosed(): void, onEventsLost(count: number): void }} owner
   */
  constructor(options, owner) {
    this.#owner = owner
    this.#native = openQueues(options, this.#take)
    this.keepAlive = new KeepAlive(this.#native)
    flushAtExit(this)
  }

  /** Why nothing is taken any more. */
  get ended() {
    return this.#ended
  }

  /**
   * A promise of the answer to the command that `write` writes with the ticket.
   * @param {(block: CommandBlock, ticket: number) => void} write must not call the app
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
    write(this.block, this.#tickets.add(waiting))
    this.touch()
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
    this.block.begin(OP.CONTROL, 0)
    this.block.part(JSON.stringify(command))
    this.touch()
  }

  /** @type {(write: (block: CommandBlock, ticket: number) => void, onAnswer?: () => void) => void} answered in its place among the effects */
  tellBack = (write, onAnswer) => {
    if (onAnswer) this.keepAlive.hold()
    const waiting = onAnswer && { resolve: onAnswer, reject: NOTHING, onProgress: undefined, request: false }
    write(this.block, waiting ? this.#tickets.add(waiting) : 0)
    this.touch()
  }

  /** To be called after something was written: it leaves at the end of the tick, usually. */
  touch() {
    if (this.block.full) return this.flush()
    if (this.#armed) return
    this.#armed = true
    if (this.#inPlace < MOST_IN_PLACE) return process.nextTick(this.#endTick)
    this.#inPlace = 0
    setImmediate(this.#endTick)
  }

  #endTick = () => {
    this.#armed = false
    const { count, attachments } = this.block
    if (count === 0 || !this.#submit(attachments === null)) return
    this.#inPlace += count
    this.#take()
  }

  flush() {
    if (this.block.count > 0) this.#submit(false)
  }

  /** @param {boolean} inPlace @returns {boolean} */
  #submit(inPlace) {
    const { block } = this
    const { words, count, bytes, length, attachments } = block
    let done = false
    try {
      done = this.#native.submit(words, count, bytes, length, attachments, inPlace)
    } catch (cause) {
      this.failed(new QueueError('QUEUE_INTERNAL', 'a block of commands was not understood: please report it', { cause }))
      this.#native.close()
    }
    block.clear()
    return done
  }

  /** Begins to close: nothing is taken any more. */
  close() {
    this.flush()
    this.#ended ??= closedError()
    this.keepAlive.hold()
    this.#native.close()
  }

  /** The process ends: there is no later. */
  flushAtExit() {
    this.flush()
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
