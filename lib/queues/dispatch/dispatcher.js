// @ts-check
'use strict'

/**
 * Gives the messages of a queue to connected sockets. To the engine it is a worker that may hold as many messages as the sockets have
 * room for: what nobody can take stays in the queue.
 */

const { EventEmitter } = require('node:events')
const { queueError } = require('../errors')
const { Holding } = require('../holding')
const { check, isMillis } = require('../rules')
const { outcomeOf } = require('./answer')
const { Flights } = require('./flights')
const { History } = require('./history')
const { Life } = require('./life')
const { Seats } = require('./seats')
const { isMeant, socketsMeant } = require('./target')
const { NamespaceWatch } = require('./watch')

/** @typedef {import('../message').Message} Message */
/** @typedef {import('./seats').Seat} Seat */

const CLOSE_TIMEOUT = 10_000
const MOST_U32 = 2 ** 32 - 1

class Dispatcher extends EventEmitter {
  holding
  queue
  target
  #settings
  #life
  #seats
  #flights
  #watch
  #history = new History()
  #paused = false
  #toTell = false
  #counters = { dispatched: 0, completed: 0, failed: 0, handedOver: 0, disconnected: 0, timedOut: 0, lateAnswers: 0 }
  /** @type {Promise<void> | undefined} */
  #closing

  /**
   * @param {import('../engine').QueueEngine} engine
   * @param {import('../queue').Queue} queue
   * @param {import('./target').Target} target
   * @param {import('./options').DispatchSettings} settings
   */
  constructor(engine, queue, target, settings) {
    super()
    this.queue = queue
    this.target = target
    this.#settings = settings
    this.#seats = new Seats(settings)
    this.#flights = new Flights(this.#seats, target.nsp, settings, {
      answered: (message, seat, answer) => this.#answered(message, seat, answer),
      timedOut: (message, seat) => this.#timedOut(message, seat),
      late: (message, seat) => this.#late(message, seat),
      freed: (seat) => this.#freed(seat),
      failed: (error) => this.#life.report(error),
    })
    this.#life = new Life(engine, this, settings.timeout)
    this.holding = new Holding(engine, queue, (error) => this.#life.report(error))
    this.#watch = NamespaceWatch.of(target.nsp)
    this.#watch.add(this)
    for (const socket of socketsMeant(target)) this.look(socket)
  }

  get paused() {
    return this.#paused
  }

  get inFlight() {
    return this.#flights.count
  }

  stats() {
    const { present: sockets, slots, waiting } = this.#seats
    return { sockets, slots, inFlight: this.inFlight, waiting, ...this.#counters }
  }

  // Sockets.

  /** @param {any} socket that is new, or whose rooms have changed */
  look(socket) {
    if (!this.#life.isOpen) return
    const seat = this.#seats.get(socket)
    const meant = isMeant(this.target, socket)
    if (meant === (seat?.present ?? false)) return
    if (meant) {
      this.#watch.follow(socket)
      this.#seats.enter(socket)
    } else if (seat) {
      this.#place(this.#seats.leave(seat))
    }
    this.#tellSoon()
    this.#life.tell(meant ? 'join' : 'leave', socket)
  }

  /** @param {any} socket that is disconnected */
  gone(socket) {
    const seat = this.#seats.get(socket)
    if (!seat) return
    const { present } = seat
    const lost = this.#flights.endAll(seat)
    const waiting = this.#seats.remove(seat)
    this.#tell()
    // What is given back last is delivered first.
    for (const message of lost.reverse()) this.#disconnected(message, seat)
    this.#place(waiting)
    if (present) this.#life.tell('leave', socket)
    this.#idle()
  }

  // What the engine tells.

  /** @param {Message[]} messages */
  deliver(messages) {
    for (const message of messages) this.holding.add(message)
    if (this.#paused || !this.#life.isOpen) this.#giveBack(messages)
    else this.#place(messages)
  }

  /** @param {number} token */
  leaseEnded(token) {
    const message = this.holding.get(token)
    if (!message) return
    this.holding.lost(message, queueError('QUEUE_LEASE_ENDED', `the lease of message ${message.id} has ended`))
    this.#flights.lapse(message)
    this.#tellSoon()
  }

  /** Nothing is delivered any more. */
  closed() {
    if (!this.#life.end()) return
    this.#watch.remove(this)
    this.#flights.close()
    this.#life.tell('closed')
  }

  // Messages.

  /** Those that find no socket go back. @param {Message[]} messages */
  #place(messages) {
    /** @type {Message[] | undefined} */
    let left
    for (const message of messages) if (!this.#placeOne(message)) (left ??= []).push(message)
    if (left) this.#giveBack(left)
  }

  /** @param {Message} message @returns {boolean} whether there is a socket for it */
  #placeOne(message) {
    const seats = this.#seats
    const seat = seats.pick(seats.sticky ? message.key : undefined, this.#history.last(message))
    if (!seat) return false
    if (seats.hasRoom(seat)) {
      this.#give(seat, message)
    } else {
      seat.waiting.push(message)
      seats.waiting++
      this.#tellSoon()
    }
    return true
  }

  /** @param {Seat} seat @param {Message} message */
  #give(seat, message) {
    this.#counters.dispatched++
    const handOver = this.#history.givenTo(message, seat)
    this.#flights.give(seat, message)
    if (!handOver) return
    this.#counters.handedOver++
    this.#life.tell('hand-over', handOver)
  }

  /** @param {Message} message @param {Seat} seat @param {unknown} answer */
  #answered(message, seat, answer) {
    this.#life.gather()
    const outcome = { ...outcomeOf(answer), most: this.#settings.maxResultBytes }
    if (this.holding.finish(message, outcome)) {
      this.#counters.completed++
      this.#history.forget(message)
    } else {
      this.#counters.failed++
    }
    this.#freed(seat)
    this.#idle()
  }

  /** @param {Message} message @param {Seat} seat */
  #timedOut(message, seat) {
    const { timeout } = this.#settings
    this.#counters.timedOut++
    this.#tell()
    this.#history.lostBy(message, seat, 'timeout')
    this.holding.finish(message, { ack: false, error: `the worker did not answer within timeout (${timeout} ms)`, delay: 0 })
    this.#idle()
  }

  /** @param {Message} message @param {Seat} seat */
  #late(message, seat) {
    this.#counters.lateAnswers++
    this.#life.tell('late-answer', { id: message.id, socket: seat.socket })
  }

  /** @param {Message} message @param {Seat} seat */
  #disconnected(message, seat) {
    this.#counters.disconnected++
    const times = this.#history.lostBy(message, seat, 'disconnect')
    if (times <= this.#settings.maxDisconnects) return void this.holding.finish(message, { release: true })
    // It may be the message that ends them.
    this.holding.finish(message, { ack: false, error: `${times} workers were disconnected while they had it` })
  }

  /** A socket has room again. @param {Seat} seat */
  #freed(seat) {
    const next = this.#seats.nextWaiting(seat)
    if (next) this.#give(seat, next)
    this.#tellSoon()
  }

  /** What is given back last is delivered first. @param {Message[]} messages */
  #giveBack(messages) {
    this.#tell()
    for (const message of messages.slice().reverse()) this.holding.finish(message, { release: true })
  }

  // How much the engine may deliver.

  #tellSoon() {
    if (this.#toTell || this.#allowed === this.#life.allowed) return
    this.#toTell = true
    process.nextTick(this.#tell)
  }

  #tell = () => {
    this.#toTell = false
    this.#life.allow(this.#allowed)
  }

  get #allowed() {
    if (this.#paused || !this.#life.isOpen) return 0
    const { slots, waiting } = this.#seats
    // Messages that wait for their own socket do not keep others from theirs.
    return Math.min(slots + Math.min(waiting, slots), MOST_U32)
  }

  /** Takes no more messages. What sockets have goes on. */
  pause() {
    this.#paused = true
    this.stopTaking()
    return this
  }

  resume() {
    this.#paused = false
    this.#tellSoon()
    return this
  }

  // The end.

  /** What no socket has yet goes back. */
  stopTaking() {
    this.#giveBack(this.#seats.takeWaiting())
  }

  /** Answers have no effect any more: what sockets have is no longer held. */
  abandon() {
    this.#flights.close()
  }

  #idle() {
    if (this.inFlight === 0) this.#life.idle()
  }

  /**
   * @param {import('../../..').CloseOptions} [options]
   * @returns {Promise<void>}
   */
  close(options) {
    const { timeout = CLOSE_TIMEOUT } = check('close', { timeout: isMillis }, options)
    this.#closing ??= this.#life.close(timeout)
    return this.#closing
  }

  /** An open dispatcher keeps the process alive. */
  ref() {
    this.#life.hold(true)
    return this
  }

  /** It does not any more. */
  unref() {
    this.#life.hold(false)
    return this
  }
}

module.exports = { Dispatcher }
