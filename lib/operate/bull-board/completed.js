// @ts-check
'use strict'

/** The messages that were processed last: the queue itself keeps none. */

/** Most messages that are under way whose beginning is remembered. */
const MOST_STARTED = 10_000

class Completed {
  #most
  /** @type {Map<string, any>} */
  #jobs = new Map()
  /** When they were delivered. @type {Map<string, number>} */
  #started = new Map()

  /**
   * @param {any} queue
   * @param {number} most
   */
  constructor(queue, most) {
    this.#most = most
    if (most === 0) return
    queue.on('delivered', (/** @type {{ id: string }} */ { id }) => put(this.#started, id, Date.now(), MOST_STARTED))
    queue.on('completed', (/** @type {{ id: string, result: any }} */ { id, result }) => this.#completed(id, result))
  }

  /**
   * @param {string} id
   * @param {any} result
   */
  #completed(id, result) {
    const sentAt = Math.floor(Number(BigInt(`0x${id}`) >> 20n))
    const times = { sentAt, processedOn: this.#started.get(id), finishedOn: Date.now() }
    this.#started.delete(id)
    put(this.#jobs, id, { id, result, ...times, payload: undefined, headers: {}, priority: 0, attempts: 1, history: [] }, this.#most)
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

/**
 * The oldest makes room.
 * @template T
 * @param {Map<string, T>} map
 * @param {string} key
 * @param {T} value
 * @param {number} most
 */
function put(map, key, value, most) {
  map.delete(key)
  map.set(key, value)
  if (map.size > most) map.delete(/** @type {string} */ (map.keys().next().value))
}

module.exports = { Completed }
