// @ts-check
'use strict'

/** The messages that were processed last: the queue itself keeps none. */

class Completed {
  #most
  /** @type {Map<string, any>} */
  #jobs = new Map()

  /**
   * @param {any} queue
   * @param {number} most
   */
  constructor(queue, most) {
    this.#most = most
    if (most === 0) return
    queue.on('completed', (/** @type {{ id: string, result: any }} */ { id, result }) => {
      const sentAt = Math.floor(Number(BigInt(`0x${id}`) >> 20n))
      this.#jobs.delete(id)
      this.#jobs.set(id, { id, result, sentAt, finishedOn: Date.now(), payload: undefined, headers: {}, priority: 0, attempts: 1, history: [] })
      if (this.#jobs.size > this.#most) this.#jobs.delete(/** @type {string} */ (this.#jobs.keys().next().value))
    })
  }

  get kept() {
    return this.#most > 0
  }

  get count() {
    return this.#jobs.size
  }

  /** @param {string} id */
  get(id) {
    return this.#jobs.get(id)
  }

  /** @param {string} id */
  remove(id) {
    this.#jobs.delete(id)
  }

  /**
   * @param {number} start
   * @param {number} end
   */
  slice(start, end) {
    return [...this.#jobs.values()].reverse().slice(start, end + 1)
  }

  /** @param {number} before ms since 1970 */
  clean(before) {
    for (const [id, { finishedOn }] of this.#jobs) if (finishedOn <= before) this.#jobs.delete(id)
  }
}

module.exports = { Completed }
