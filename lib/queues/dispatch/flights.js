// @ts-check
'use strict'

/** The messages that sockets have: emitted, answered, or out of time. What that means for the queue is not known here. */

const { Deadlines, Delivery, STATE } = require('./delivery')
const { Sender } = require('./send')

/** @typedef {import('../message').Message} Message */
/** @typedef {import('./seats').Seat} Seat */

/**
 * What happens to them. The seat's place is free again with `answered`, and with `freed` only after `timedOut` or `late`.
 * @typedef {object} Fate
 * @property {(message: Message, seat: Seat, answer: unknown) => void} answered
 * @property {(message: Message, seat: Seat) => void} timedOut
 * @property {(message: Message, seat: Seat) => void} late it was answered when it did not matter any more
 * @property {(seat: Seat) => void} freed
 * @property {(error: unknown) => void} failed the app's listener for outgoing packets threw
 */

class Flights {
  /** How many sockets have. */
  count = 0
  #seats
  #sender
  #fate
  #timeouts
  #lapses

  /**
   * @param {import('./seats').Seats} seats
   * @param {any} nsp
   * @param {{ event: string, timeout: number }} settings
   * @param {Fate} fate
   */
  constructor(seats, nsp, { event, timeout }, fate) {
    this.#seats = seats
    this.#sender = new Sender(nsp, event)
    this.#fate = fate
    this.#timeouts = new Deadlines(timeout, (delivery) => this.#timedOut(delivery))
    this.#lapses = new Deadlines(timeout, (delivery) => this.#forget(delivery))
  }

  /**
   * @param {Seat} seat with room
   * @param {Message} message
   */
  give(seat, message) {
    const delivery = new Delivery(message, seat)
    delivery.onAnswer = (answer) => this.#answered(delivery, answer)
    seat.deliveries.add(delivery)
    this.#seats.taken(seat)
    this.#timeouts.add(delivery)
    this.count++
    try {
      delivery.number = this.#sender.emit(seat.socket, message, delivery.onAnswer)
    } catch (error) {
      this.#fate.failed(error)
      this.#answered(delivery, { error: String(error) })
    }
  }

  /**
   * @param {Delivery} delivery
   * @param {unknown} answer
   */
  #answered(delivery, answer) {
    const { message, seat } = delivery
    if (delivery.state === STATE.OPEN) {
      this.#end(delivery)
      this.#seats.freed(seat)
      return this.#fate.answered(message, seat, answer)
    }
    if (delivery.state === STATE.LAPSED) this.#forget(delivery)
    this.#fate.late(message, seat)
  }

  /** @param {Delivery} delivery */
  #timedOut(delivery) {
    this.#lapse(delivery)
    this.#fate.timedOut(delivery.message, delivery.seat)
  }

  /** Its lease ended: an answer has no effect. @param {Message} message */
  lapse(message) {
    for (const seat of this.#seats.all()) {
      for (const delivery of seat.deliveries) if (delivery.message === message) this.#lapse(delivery)
    }
  }

  /** It takes a place of its socket until that answers after all, or for as long again. @param {Delivery} delivery */
  #lapse(delivery) {
    this.#end(delivery)
    delivery.state = STATE.LAPSED
    delivery.seat.lapsed++
    this.#lapses.add(delivery)
    this.#seats.changed(delivery.seat)
  }

  /** @param {Delivery} delivery */
  #forget(delivery) {
    const { seat } = delivery
    delivery.state = STATE.OVER
    this.#lapses.delete(delivery)
    this.#sender.forget(seat.socket, delivery.number, delivery.onAnswer)
    seat.lapsed--
    if (this.#seats.get(seat.socket) !== seat) return
    this.#seats.freed(seat)
    this.#fate.freed(seat)
  }

  /** What a socket has, it has no more. @param {Seat} seat @returns {Message[]} in the order in which it got them */
  endAll(seat) {
    const deliveries = [...seat.deliveries]
    for (const delivery of deliveries) this.#end(delivery)
    return deliveries.map(({ message }) => message)
  }

  /** @param {Delivery} delivery */
  #end(delivery) {
    delivery.state = STATE.OVER
    delivery.seat.deliveries.delete(delivery)
    this.#timeouts.delete(delivery)
    this.count--
  }

  /** Nothing is waited for any more. */
  close() {
    for (const seat of this.#seats.all()) this.endAll(seat)
    this.#timeouts.clear()
    this.#lapses.clear()
  }
}

module.exports = { Flights }
