// @ts-check
'use strict'

/** What sockets have lost: who had a message last, and how often it was lost. Messages without misfortune are not in here. */

/** Beyond, the oldest are forgotten. */
const MOST = 10_000

/**
 * @typedef {object} Loss
 * @property {import('./seats').Seat} seat
 * @property {'disconnect' | 'timeout'} reason
 * @property {number} disconnects
 * @property {number} at `performance.now()`
 * @property {boolean} open nobody else has it yet
 */

class History {
  /** @type {Map<string, Loss>} */
  #losses = new Map()

  /**
   * @param {import('../message').Message} message
   * @param {import('./seats').Seat} seat
   * @param {'disconnect' | 'timeout'} reason
   * @returns {number} how many were disconnected while they had it
   */
  lostBy({ id }, seat, reason) {
    const disconnects = (this.#losses.get(id)?.disconnects ?? 0) + (reason === 'disconnect' ? 1 : 0)
    this.#losses.delete(id)
    this.#losses.set(id, { seat, reason, disconnects, at: performance.now(), open: true })
    if (this.#losses.size > MOST) this.#losses.delete(/** @type {string} */ (this.#losses.keys().next().value))
    return disconnects
  }

  /** Who has lost it last. @param {import('../message').Message} message */
  last(message) {
    return this.#losses.size === 0 ? undefined : this.#losses.get(message.id)?.seat
  }

  /**
   * @param {import('../message').Message} message
   * @param {import('./seats').Seat} seat
   * @returns what was handed over to it, if it is that
   */
  givenTo(message, seat) {
    const loss = this.#losses.size === 0 ? undefined : this.#losses.get(message.id)
    if (!loss?.open) return undefined
    loss.open = false
    const { reason, at } = loss
    return { id: message.id, from: loss.seat.socket, to: seat.socket, reason, millis: performance.now() - at }
  }

  /** It is settled. @param {import('../message').Message} message */
  forget(message) {
    if (this.#losses.size > 0) this.#losses.delete(message.id)
  }
}

module.exports = { History }
