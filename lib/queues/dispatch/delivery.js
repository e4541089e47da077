// @ts-check
'use strict'

/** A message that a socket has, and the time it has for it. */

const { clearTimeout, setImmediate, setTimeout } = require('node:timers')

const STATE = {
  /** The socket has it. */
  OPEN: 0,
  /** Its time is over, and an answer has no effect; it still takes a place of the socket. */
  LAPSED: 1,
  /** Nothing is expected any more. */
  OVER: 2,
}

class Delivery {
  message
  seat
  state = STATE.OPEN
  /** When its state ends by itself; `performance.now()`. */
  due = 0
  /** Its number for Socket.IO; -1: it could not be emitted. */
  number = -1
  /** @type {(answer: unknown) => void} */
  onAnswer = NOTHING

  /**
   * @param {import('../message').Message} message
   * @param {import('./seats').Seat} seat
   */
  constructor(message, seat) {
    this.message = message
    this.seat = seat
  }
}

const MOST_TIMER = 2 ** 31 - 1

/** What is due after the same time for all: in the order in which they came. One timer, which is not touched with each. */
class Deadlines {
  #millis
  #onDue
  /** @type {Set<Delivery>} */
  #waiting = new Set()
  /** @type {NodeJS.Timeout | undefined} */
  #timer

  /**
   * @param {number} millis
   * @param {(delivery: Delivery) => void} onDue
   */
  constructor(millis, onDue) {
    this.#millis = millis
    this.#onDue = onDue
  }

  /** @param {Delivery} delivery */
  add(delivery) {
    delivery.due = performance.now() + this.#millis
    this.#waiting.add(delivery)
    if (this.#timer === undefined) this.#arm(this.#millis)
  }

  /** @param {Delivery} delivery */
  delete(delivery) {
    this.#waiting.delete(delivery)
  }

  clear() {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#waiting.clear()
  }

  /** @param {number} millis */
  #arm(millis) {
    // Answers that came while the event loop was blocked are read first.
    this.#timer = setTimeout(() => setImmediate(this.#end), Math.min(Math.ceil(millis), MOST_TIMER))
    this.#timer.unref()
  }

  #end = () => {
    if (this.#timer === undefined) return
    this.#timer = undefined
    const now = performance.now()
    for (const delivery of this.#waiting) {
      if (delivery.due > now) break
      this.#waiting.delete(delivery)
      this.#onDue(delivery)
    }
    for (const { due } of this.#waiting) {
      if (this.#timer === undefined) this.#arm(due - now)
      break
    }
  }
}

function NOTHING() {}

module.exports = { Deadlines, Delivery, STATE }
