// @ts-check
'use strict'

/** What people may send, in characters and counts. Whatever passes a bound is refused with a message. */
const CHAT = Object.freeze({
  nameLength: 24,
  roomLength: 32,
  messageLength: 500,
  roomsEach: 8,
  people: 200,
  peopleShown: 100,
  roomsShown: 50,
})

/** Bounds of a stampede: `[least, most, default]`. Two thousand clients are what a laptop connects in seconds. */
const STAMPEDE = Object.freeze({
  clients: [10, 2000, 1000],
  rate: [1, 50, 20],
  bytes: [32, 1024, 64],
  seconds: [1, 30, 10],
})

/**
 * Bounds of the jobs: `seconds` of work is `[least, most, default]`. `queued`: jobs in the queue, whoever sent them. The page shows so many of
 * each kind (`shown`).
 */
const JOBS = Object.freeze({
  seconds: [1, 20, 4],
  perSecond: [1, 10, 2],
  atOnce: 20,
  queued: 200,
  workers: 50,
  viewers: 200,
  shown: 12,
})

/** @typedef {{ clients: number, rate: number, bytes: number, seconds: number }} StampedeOptions */

/** Control characters, and those that turn the direction of the text around them. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u

/**
 * One line of text out of something a client sent.
 * @param {unknown} value
 * @param {number} length the most characters (code points)
 * @returns {string | null} trimmed, or null when it is no text, too long or nothing of it can be seen
 */
function cleanText(value, length) {
  if (typeof value !== 'string' || value.length > length * 4) return null
  const text = value.replace(/\s/g, ' ').replace(UNPRINTABLE, '').replace(/ +/g, ' ').trim()
  return VISIBLE.test(text) && Array.from(text).length <= length ? text : null
}

/**
 * Reads what a page asked for.
 * @param {unknown} asked
 * @returns {{ options: StampedeOptions } | { error: string }}
 */
function readStampede(asked) {
  const given = /** @type {Record<string, unknown>} */ (asked !== null && typeof asked === 'object' ? asked : {})
  const options = /** @type {any} */ ({})
  for (const [name, [least, most, usual]] of Object.entries(STAMPEDE)) {
    const value = given[name] === undefined ? usual : given[name]
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
      return { error: `${name} must be a whole number from ${least} to ${most}` }
    }
    options[name] = value
  }
  return { options }
}

/**
 * Whether it is a job that the workers' pages know.
 * @param {any} payload
 * @returns {payload is { seconds: number }}
 */
function isJob(payload) {
  const [least, most] = JOBS.seconds
  const { seconds, ...others } = payload !== null && typeof payload === 'object' ? payload : /** @type {any} */ ({})
  return Number.isInteger(seconds) && seconds >= least && seconds <= most && Object.keys(others).length === 0
}

/**
 * @param {number} milliseconds
 * @param {() => void} action
 * @returns {() => void} has it done soon, however often it is called
 */
function atMostEvery(milliseconds, action) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined
      action()
    }, milliseconds).unref()
  }
}

/** A token bucket: `burst` events at once, refilled with `perSecond`. */
class RateLimit {
  #tokens
  #burst
  #perSecond
  #at = performance.now()

  /**
   * @param {number} perSecond
   * @param {number} burst
   */
  constructor(perSecond, burst) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
  }

  /** @returns {boolean} false when the event is to be refused */
  take() {
    const now = performance.now()
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#perSecond)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}

module.exports = { CHAT, JOBS, STAMPEDE, RateLimit, atMostEvery, cleanText, isJob, readStampede }
