// @ts-check
'use strict'

/**
 * From the queue to the sockets: takes the messages of rooms that have sockets here, sends them, and settles them.
 *
 * Invariants: what was given out before a room was emptied goes back, and the engine waits for it; the engine gives a room's messages in order; a socket that joins gets what is on its way to the others first, at once, so
 * that nothing newer overtakes it; a message is settled once.
 */

const { randomInt } = require('node:crypto')
const { EncodedEmit } = require('../queues/encoded-emit')
const { jsonWith, unpack } = require('./content')
const { Flight, Room } = require('./room')

class Delivery {
  /** @type {Map<string, Room>} */
  #rooms = new Map()
  /** In the order of their deadlines. @type {Set<Flight>} */
  #flights = new Set()
  /** @type {NodeJS.Timeout | undefined} */
  #timer
  #closed = false
  #nsp
  #encoded
  #adapter
  #worker
  #options
  #owner
  counts = { delivered: 0, acknowledged: 0, unanswered: 0, returned: 0 }

  /**
   * @param {any} nsp
   * @param {import('../queues/queue').Queue} queue
   * @param {any} options
   * @param {import('./durable').Durable} owner
   */
  constructor(nsp, queue, options, owner) {
    this.#nsp = nsp
    // A late answer to the server before this one, which was killed, must not have the id of what is asked now. Clients parse 31 bits.
    nsp._ids += randomInt(2 ** 30)
    this.#encoded = new EncodedEmit(nsp)
    this.#adapter = nsp.adapter
    this.#options = options
    this.#owner = owner
    // A server of several that gives no sign of life for as long does not get an answer, either.
    const { maxInFlight: concurrency, ackTimeout: visibilityTimeout } = options
    this.#worker = queue.consume((/** @type {any} */ message) => this.#deliver(message), { concurrency, visibilityTimeout })
    this.#worker.unref()
    this.#worker.on('error', (error) => owner.report(error))
    this.#worker.on('lease-ended', this.#taken)
    this.#adapter.on('join-room', this.#joined)
    this.#adapter.on('leave-room', this.#left)
    nsp.on('connection', this.#connected)
    for (const socket of nsp.sockets.values()) this.#connected(socket)
  }

  get rooms() {
    return this.#rooms.size
  }

  get inFlight() {
    return this.#flights.size
  }

  // Who is there.

  /** It may have joined rooms before it was connected. */
  #connected = (/** @type {any} */ socket) => {
    for (const room of this.#adapter.sids.get(socket.id) ?? []) this.#joined(room, socket.id)
  }

  #joined = (/** @type {unknown} */ name, /** @type {string} */ id) => {
    if (typeof name !== 'string' || !this.#nsp.sockets.has(id)) return
    let room = this.#rooms.get(name)
    if (room?.members.has(id)) return
    if (!room) {
      room = new Room(this.#nsp, this.#encoded, name)
      this.#rooms.set(name, room)
      this.#want(room)
    }
    room.members.add(id)
    // What is on its way to others comes first.
    for (const flight of room.flights) this.#send(flight, id)
  }

  #left = (/** @type {any} */ name, /** @type {string} */ id) => {
    const room = this.#rooms.get(name)
    if (!room?.members.has(id)) return
    room.leave(id)
    if (room.members.size > 0) return
    this.#rooms.delete(name)
    // In this order: what goes back is not to come again.
    this.#worker.interest(name, false)
    this.#giveBack(room)
  }

  /** Begins to take its messages: what was given out under an interest before is still to come, and goes back. @param {Room} room */
  #want(room) {
    room.ready = false
    const epoch = ++room.epoch
    this.#worker.interest(room.name, true, () => {
      if (room.epoch === epoch) room.ready = true
    })
  }

  // What is on its way.

  /** @param {import('../queues/message').Message} message @returns {Promise<void> | void} */
  #deliver(message) {
    const room = this.#rooms.get(/** @type {string} */ (message.key))
    if (!room?.ready || this.#closed) {
      this.counts.returned++
      message.release()
      return
    }
    let content
    try {
      content = unpack(/** @type {any} */ (message.payload))
    } catch (cause) {
      // Nothing that an emit has stored.
      message.nack(cause, { dead: true })
      return
    }
    const meta = { id: message.id, sentAt: message.sentAt, attempt: message.attempt }
    return new Promise((resolve) => {
      const flight = new Flight(message, room, [content.event, ...content.args, meta], jsonWith(message.payload, meta), resolve)
      room.flights.add(flight)
      this.counts.delivered++
      this.#send(flight)
    })
  }

  /**
   * @param {Flight} flight
   * @param {string} [id] the socket that has joined
   */
  #send(flight, id) {
    flight.deadline = performance.now() + this.#options.ackTimeout
    this.#flights.delete(flight)
    this.#flights.add(flight)
    this.#arm()
    try {
      flight.room.send(flight, () => this.#acknowledged(flight), id)
    } catch (error) {
      // An encoder or a listener of the app: it is tried again.
      this.#owner.report(error)
    }
  }

  /** @param {Flight} flight */
  #acknowledged(flight) {
    if (flight.over) return
    const { message, room } = flight
    this.#worker.gather()
    this.#end(flight)
    this.counts.acknowledged++
    flight.done()
    this.#owner.tell('acknowledged', { id: message.id, room: room.name })
  }

  /** In Redis: another server has a newer socket of the room, or has been given what this one held because it gave no sign of life. */
  #taken = (/** @type {import('../queues/message').Message} */ message) => {
    const room = this.#rooms.get(/** @type {string} */ (message.key))
    const flight = room && [...room.flights].find((one) => one.message === message)
    if (!flight) return
    this.#end(flight)
    this.counts.returned++
    flight.done()
  }

  /** Nobody has answered in time: it is tried again later, and what came behind it after it. @param {Flight} flight */
  #unanswered(flight) {
    const { message, room } = flight
    const { retryDelay, maxRetryDelay, ackTimeout } = this.#options
    const delay = Math.min(retryDelay * 2 ** Math.min(message.attempt - 1, 40), maxRetryDelay)
    this.#end(flight)
    this.counts.unanswered++
    // What is behind it may be given out already, and must not overtake it.
    this.#worker.interest(room.name, false)
    message.nack(`no acknowledgement in ${ackTimeout} ms`, { delay })
    flight.done()
    this.#giveBack(room)
    this.#want(room)
    this.#owner.tell('unanswered', { id: message.id, room: room.name, attempt: message.attempt, delay })
  }

  /** @param {Room} room */
  #giveBack(room) {
    for (const flight of [...room.flights].reverse()) {
      this.#end(flight)
      this.counts.returned++
      flight.message.release()
      flight.done()
    }
  }

  /** @param {Flight} flight */
  #end(flight) {
    this.#flights.delete(flight)
    flight.room.end(flight)
  }

  /** One timer for all: they have the same time to be answered. */
  #arm() {
    if (this.#timer !== undefined || this.#flights.size === 0) return
    const [first] = this.#flights
    this.#timer = setTimeout(this.#look, Math.max(1, first.deadline - performance.now())).unref()
  }

  #look = () => {
    this.#timer = undefined
    const now = performance.now()
    for (const flight of this.#flights) {
      if (flight.deadline > now) break
      this.#unanswered(flight)
    }
    this.#arm()
  }

  async close() {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#adapter.off('join-room', this.#joined)
    this.#adapter.off('leave-room', this.#left)
    this.#nsp.removeListener('connection', this.#connected)
    for (const room of this.#rooms.values()) {
      this.#worker.interest(room.name, false)
      this.#giveBack(room)
    }
    this.#rooms.clear()
    await this.#worker.close({ timeout: 0 })
  }
}

module.exports = { Delivery }
