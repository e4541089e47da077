// @ts-check
'use strict'

/** Goes through the messages of a queue, in pages: never all of them at once. */

const PAGE = 500

/** How far a list is followed for a page of the dashboard. What lies beyond is found by its id. */
const MOST_LISTED = 10_000

/** @typedef {import('../../..').MessageInfo} MessageInfo */
/** @typedef {import('../../..').MessageState} MessageState */

/**
 * @param {any} queue
 * @param {MessageState | undefined} state
 * @returns {AsyncGenerator<MessageInfo[]>}
 */
async function* pages(queue, state) {
  /** @type {string | undefined} */
  let cursor
  do {
    /** @type {{ messages: MessageInfo[], next?: string }} */
    const { messages, next } = await queue.list({ state, cursor, limit: PAGE })
    yield messages
    cursor = next
  } while (cursor !== undefined)
}

/**
 * The messages from `start` to `end`, those included. What is ready in the order in which it would be delivered.
 * @param {any} queue
 * @param {MessageState} state
 * @param {number} start
 * @param {number} end
 * @returns {Promise<MessageInfo[]>}
 */
async function slice(queue, state, start, end) {
  if (state === 'ready' && end < 1000) return (await queue.peek(end + 1)).slice(start)
  const found = []
  for await (const page of pages(queue, state)) {
    found.push(...page)
    if (found.length > end || found.length >= MOST_LISTED) break
  }
  return found.slice(start, end + 1)
}

/**
 * Does something with each message of a state. One that has moved on meanwhile is left alone.
 * @param {any} queue
 * @param {MessageState | undefined} state
 * @param {(message: MessageInfo) => boolean} isMeant
 * @param {(id: string) => Promise<void>} act
 */
async function each(queue, state, isMeant, act) {
  for await (const page of pages(queue, state)) {
    await Promise.all(page.filter(isMeant).map(({ id }) => act(id).catch(unlessGone)))
  }
}

/** @param {any} error */
function unlessGone(error) {
  if (error.code !== 'QUEUE_MESSAGE_NOT_FOUND' && error.code !== 'QUEUE_MESSAGE_HELD') throw error
}

/** The dead letters of one queue, in a queue that may have those of others too. */
class DeadLetters {
  #queue
  #origin
  #seen = ''
  /** @type {string[]} */
  #ids = []
  #total = 0

  /**
   * @param {any} queue where they are
   * @param {string} origin where they died
   */
  constructor(queue, origin) {
    this.#queue = queue
    this.#origin = origin
  }

  /** @param {MessageInfo} message */
  #isMeant = (message) => message.origin === this.#origin

  /** Looked through again only when something has changed. */
  async #look() {
    const { ready, blocked, delayed, active, sent, completed } = await this.#queue.stats()
    const seen = [ready, blocked, delayed, active, sent, completed].join()
    if (seen === this.#seen) return
    const ids = []
    let looked = 0
    for await (const page of pages(this.#queue, undefined)) {
      looked += page.length
      for (const message of page) if (this.#isMeant(message)) ids.push(message.id)
      if (looked >= MOST_LISTED) break
    }
    const all = ready + blocked + delayed + active
    // Of more than were looked at, the others are taken to be of the same kind.
    this.#total = looked < MOST_LISTED ? ids.length : Math.round((ids.length / looked) * all)
    this.#ids = ids.sort().reverse()
    this.#seen = seen
  }

  async count() {
    await this.#look()
    return this.#total
  }

  /**
   * The latest first.
   * @param {number} start
   * @param {number} end
   * @returns {Promise<MessageInfo[]>}
   */
  async slice(start, end) {
    await this.#look()
    const found = await Promise.all(this.#ids.slice(start, end + 1).map((id) => this.#queue.get(id)))
    return found.filter(Boolean)
  }

  /** @param {string} id @returns {Promise<MessageInfo | undefined>} */
  async get(id) {
    const found = await this.#queue.get(id)
    return found && this.#isMeant(found) ? found : undefined
  }

  /** @param {string} id */
  remove(id) {
    return this.#queue.remove(id)
  }

  /** @param {string} id */
  redrive(id) {
    return this.#queue.redrive(id)
  }

  /** @param {number} before ms since 1970 */
  clean(before) {
    const isMeant = (/** @type {MessageInfo} */ message) => this.#isMeant(message) && message.sentAt <= before
    return each(this.#queue, undefined, isMeant, (id) => this.#queue.remove(id))
  }
}

module.exports = { DeadLetters, each, slice }
