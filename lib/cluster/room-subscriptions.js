// @ts-check
'use strict'

/**
 * When may a socket rely on its new room? Once this server is subscribed to the room's channel, or has no connection at all. One
 * question for all rooms of a tick.
 */
class RoomSubscriptions {
  #ask
  /** The questions without an answer, in the order in which they are asked. @type {Map<number, () => void>} */
  #open = new Map()
  /** The promise of the latest one. @type {Promise<void> | undefined} */
  #latest
  /** That of this tick, which is not asked yet. */
  #asking = false
  #ticket = 0
  #closed = false

  /** @param {(ticket: number) => void} ask */
  constructor(ask) {
    this.#ask = ask
  }

  /** Whether rooms wait, so that one that is there already may not be subscribed yet. */
  get waiting() {
    return this.#open.size > 0
  }

  /**
   * @param {boolean} made whether a room was made, or was there already
   * @param {() => void} before called before it is asked, at the end of the tick: rooms are told by then
   * @returns {Promise<void>}
   */
  joined(made, before) {
    if (this.#closed) return Promise.resolve()
    if (this.#latest && (this.#asking || !made)) return this.#latest
    const ticket = this.#ticket++
    this.#asking = true
    const promise = new Promise((/** @type {(value: void) => void} */ resolve) => this.#open.set(ticket, resolve))
    this.#latest = promise
    process.nextTick(() => {
      this.#asking = false
      if (this.#closed) return
      before()
      this.#ask(ticket)
    })
    return promise
  }

  /** @param {number} ticket */
  settled(ticket) {
    this.#open.get(ticket)?.()
    this.#open.delete(ticket)
    if (this.#open.size === 0) this.#latest = undefined
  }

  close() {
    this.#closed = true
    for (const resolve of this.#open.values()) resolve()
    this.#open.clear()
    this.#latest = undefined
  }
}

module.exports = { RoomSubscriptions }
