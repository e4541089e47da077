// @ts-check
'use strict'

/** Who comes back, from its restore until everything that was on its way at that time is written. */

const { isAfter } = require('./missed')

/** Longer than any of what a restore waits for, in ms. */
const LONGEST = 60_000

class Returning {
  /** The tickets of those that are about to be connected, by socket id. @type {Map<string, number>} */
  #expected = new Map()
  /** Those that are connected, for what was issued before; and how many of these packets were written. @type {Map<number, { socket: WeakRef<any>, written: number }>} */
  #late = new Map()
  /** @type {WeakMap<object, number>} */
  #tickets = new WeakMap()
  /** Up to which entry they have everything, while events of earlier ones may be on their way. @type {Map<string, string>} */
  #covered = new Map()

  /** A session is restored. @param {string} sid @param {number} ticket of the restore */
  expect(sid, ticket) {
    this.#expected.set(sid, ticket)
    // Its middlewares may refuse it.
    setTimeout(() => this.#expected.get(sid) === ticket && this.#expected.delete(sid), LONGEST).unref()
  }

  /** @param {string} sid @returns {number | undefined} the ticket of one that is expected, once */
  take(sid) {
    const ticket = this.#expected.get(sid)
    // Joining asks this each time.
    if (ticket !== undefined) this.#expected.delete(sid)
    return ticket
  }

  /**
   * @param {any} socket is connected again
   * @param {number} ticket
   * @param {string} until the entry up to which it has everything
   * @returns {() => void} to be called when nothing of earlier entries is on its way
   */
  connected(socket, ticket, until) {
    const { id } = socket
    this.#late.set(ticket, { socket: new WeakRef(socket), written: 0 })
    this.#tickets.set(socket, ticket)
    setTimeout(() => this.#late.delete(ticket), LONGEST).unref()
    this.#covered.set(id, until)
    return () => this.#covered.get(id) === until && this.#covered.delete(id)
  }

  /** @param {object} socket @returns {number | null} the ticket of one that has come back */
  ticketOf(socket) {
    return this.#tickets.get(socket) ?? null
  }

  /** How many late packets were written. @param {number | null} ticket */
  writtenTo(ticket) {
    return (ticket !== null && this.#late.get(ticket)?.written) || 0
  }

  /** A packet that waited when its recipient was connected again. @param {number} ticket @param {any[]} encoded */
  writeLate(ticket, encoded) {
    const late = this.#late.get(ticket)
    if (!late) return
    late.written++
    late.socket.deref()?.client.writeToEngine(encoded, { preEncoded: true })
  }

  /** Who has an entry already. @param {string} offset of it @returns {string[]} */
  having(offset) {
    return [...this.#covered].filter(([, until]) => !isAfter(offset, until)).map(([id]) => id)
  }
}

module.exports = { Returning }
