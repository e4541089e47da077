// @ts-check
'use strict'

/** The sockets that take messages, by how much they have: who gets the next one is found without looking through all of them. */

/** A socket, and what it has. */
class Seat {
  socket
  /** It is among those meant; otherwise it finishes what it has. */
  present = false
  /** Messages that it has not answered, those included whose time is over. */
  load = 0
  /** Those whose time is over. */
  lapsed = 0
  /** Messages that it may still settle. @type {Set<import('./delivery').Delivery>} */
  deliveries = new Set()
  /** Messages that only it may have, and that it has no place for yet. @type {import('../message').Message[]} */
  waiting = []
  /** Its part of `Seats.slots`. */
  counted = 0
  /** @type {Line | undefined} */
  line
  /** @type {Seat | undefined} */
  before
  /** @type {Seat | undefined} */
  behind

  /** @param {any} socket */
  constructor(socket) {
    this.socket = socket
  }
}

/** Seats in a row: the first is next. */
class Line {
  /** @type {Seat | undefined} */
  first
  /** @type {Seat | undefined} */
  last

  /** @param {Seat} seat */
  push(seat) {
    seat.line = this
    seat.before = this.last
    seat.behind = undefined
    if (this.last) this.last.behind = seat
    else this.first = seat
    this.last = seat
  }

  /** @param {Seat} seat */
  take(seat) {
    if (seat.before) seat.before.behind = seat.behind
    else this.first = seat.behind
    if (seat.behind) seat.behind.before = seat.before
    else this.last = seat.before
    seat.line = seat.before = seat.behind = undefined
  }
}

/** Keys whose socket is remembered; beyond, those not used for longest are forgotten. */
const MOST_KEYS = 100_000

class Seats {
  /** How many messages they may have in all. */
  slots = 0
  /** Messages that wait for their socket. */
  waiting = 0
  #prefetch
  #strategy
  /** @type {Map<any, Seat>} */
  #seats = new Map()
  /** By load, or one for all. @type {Line[]} */
  #lines
  /** No line before this has a seat. */
  #least = 0
  /** @type {Map<string, Seat>} */
  #keys = new Map()
  #present = 0

  /** @param {{ prefetch: number, strategy: string }} options */
  constructor({ prefetch, strategy }) {
    this.#prefetch = prefetch
    this.#strategy = strategy
    this.#lines = Array.from({ length: strategy === 'round-robin' ? 1 : prefetch }, () => new Line())
  }

  /** How many are meant. */
  get present() {
    return this.#present
  }

  get sticky() {
    return this.#strategy === 'sticky'
  }

  /** @param {any} socket */
  get(socket) {
    return this.#seats.get(socket)
  }

  all() {
    return [...this.#seats.values()]
  }

  /** @param {any} socket */
  enter(socket) {
    let seat = this.#seats.get(socket)
    if (!seat) this.#seats.set(socket, (seat = new Seat(socket)))
    if (seat.present) return
    seat.present = true
    this.#present++
    this.changed(seat)
  }

  /** It gets no more. @param {Seat} seat @returns {import('../message').Message[]} what waited for it */
  leave(seat) {
    if (seat.present) this.#present--
    seat.present = false
    const waiting = seat.waiting.splice(0)
    this.waiting -= waiting.length
    this.changed(seat)
    return waiting
  }

  /** It is gone, with what it had. @param {Seat} seat @returns {import('../message').Message[]} what waited for it */
  remove(seat) {
    const waiting = this.leave(seat)
    this.slots -= seat.counted
    seat.counted = 0
    this.#seats.delete(seat.socket)
    return waiting
  }

  /** What waited for a seat that has room, if something did. @param {Seat} seat */
  nextWaiting(seat) {
    if (seat.waiting.length === 0 || !this.hasRoom(seat)) return undefined
    this.waiting--
    return seat.waiting.shift()
  }

  /** All that waits. */
  takeWaiting() {
    this.waiting = 0
    return this.all().flatMap((seat) => seat.waiting.splice(0))
  }

  /** A seat with room for one more. @param {Seat} seat */
  hasRoom(seat) {
    return seat.present && seat.load < this.#prefetch
  }

  /**
   * Who gets a message: the seat has room, or (sticky) the message has to wait for it.
   * @param {string | undefined} key for a seat of its own
   * @param {Seat | undefined} avoid not this one, if there is another
   * @returns {Seat | undefined} nobody has room
   */
  pick(key, avoid) {
    if (key === undefined) return this.#next(avoid)
    let seat = this.#keys.get(key)
    if (!seat?.present || seat === avoid) seat = this.#next(avoid) ?? (seat?.present ? seat : undefined)
    if (!seat) return undefined
    this.#keys.delete(key)
    this.#keys.set(key, seat)
    if (this.#keys.size > MOST_KEYS) this.#keys.delete(/** @type {string} */ (this.#keys.keys().next().value))
    return seat
  }

  /** @param {Seat | undefined} avoid @returns {Seat | undefined} */
  #next(avoid) {
    const lines = this.#lines
    while (this.#least < lines.length && !lines[this.#least].first) this.#least++
    let fallback
    for (let at = this.#least; at < lines.length; at++) {
      const { first } = lines[at]
      if (!first) continue
      if (first !== avoid) return first
      if (first.behind) return first.behind
      fallback = first
    }
    return fallback
  }

  /** It has one more. @param {Seat} seat */
  taken(seat) {
    seat.load++
    this.#line(seat)
  }

  /** It has one less. @param {Seat} seat */
  freed(seat) {
    seat.load--
    if (!seat.present || seat.counted !== this.#prefetch) return this.changed(seat)
    this.#line(seat)
  }

  /** How much it may have has changed. @param {Seat} seat */
  changed(seat) {
    const counted = seat.present ? this.#prefetch - seat.lapsed : seat.deliveries.size
    this.slots += counted - seat.counted
    seat.counted = counted
    this.#line(seat)
    if (!seat.present && seat.load === 0) this.#seats.delete(seat.socket)
  }

  /** @param {Seat} seat */
  #line(seat) {
    seat.line?.take(seat)
    if (!this.hasRoom(seat)) return
    const at = this.#strategy === 'round-robin' ? 0 : seat.load
    this.#lines[at].push(seat)
    if (at < this.#least) this.#least = at
  }
}

module.exports = { Seat, Seats }
