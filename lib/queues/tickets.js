// @ts-check
'use strict'

/**
 * Who waits for an answer. A request gets two: that it was sent, and the reply.
 * @typedef {object} Waiting
 * @property {(value: any) => void} resolve
 * @property {(error: Error) => void} reject
 * @property {((data: any) => void) | undefined} onProgress
 * @property {boolean} request
 */

/** Those who wait, by small numbers. 0 is nobody's. */
class Tickets {
  /** @type {(Waiting | undefined)[]} */
  #waiting = [undefined]
  /** @type {number[]} */
  #free = []

  /** @param {Waiting} waiting @returns {number} */
  add(waiting) {
    const ticket = this.#free.pop()
    if (ticket === undefined) return this.#waiting.push(waiting) - 1
    this.#waiting[ticket] = waiting
    return ticket
  }

  /** @param {number} ticket @returns {Waiting | undefined} */
  get(ticket) {
    return this.#waiting[ticket]
  }

  /** @param {number} ticket @returns {Waiting | undefined} who waits no more */
  take(ticket) {
    const waiting = this.#waiting[ticket]
    if (!waiting) return undefined
    this.#waiting[ticket] = undefined
    this.#free.push(ticket)
    return waiting
  }

  /** @returns {number[]} */
  all() {
    return [...this.#waiting.keys()].filter((ticket) => this.#waiting[ticket])
  }
}

module.exports = { Tickets }
