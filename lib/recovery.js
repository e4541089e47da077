// @ts-check
'use strict'

/**
 * Connection state recovery, in memory: sessions of disconnected clients, and the packets that they may have missed.
 *
 * Packets are found by room and offset: a client that comes back costs the packets of its rooms since then, not a scan of
 * everything that was sent. `except` is checked on what is found.
 */

const { randomBytes } = require('node:crypto')

/** @typedef {{ number: number, opts: any, data: unknown[], emittedAt: number }} Entry */

/** How often what has expired is let go, in milliseconds. */
const CLEAN_EVERY = 60_000

/** Digits of an offset's number: offsets sort as texts as they were issued. */
const DIGITS = 11

class Recovery {
  #maxAge
  /** Of this server start: an offset of an earlier one is unknown, as with the stock adapter. */
  #prefix = `${Date.now().toString(36)}${randomBytes(3).toString('hex')}-`
  #next = 0
  /** All packets, by number; the first of them has the number `#first`. @type {Entry[]} */
  #entries = []
  #first = 0
  /** Packets to everybody. @type {Entry[]} */
  #toAll = []
  /** @type {Map<unknown, Entry[]>} */
  #byRoom = new Map()
  /** @type {Map<string, any>} */
  #sessions = new Map()
  /** @type {NodeJS.Timeout | undefined} */
  #timer

  /** @param {number} maxDisconnectionDuration ms */
  constructor(maxDisconnectionDuration) {
    this.#maxAge = maxDisconnectionDuration
  }

  /**
   * Stores an event and pushes its offset onto its data, unless it is volatile or wants an acknowledgement.
   * @param {any} packet
   * @param {any} opts
   */
  record(packet, opts) {
    if (packet.type !== 2 || packet.id !== undefined || opts.flags?.volatile !== undefined) return
    const number = this.#next++
    packet.data.push(this.#offset(number))
    // The sets are the caller's, who may change them later.
    const kept = { rooms: new Set(opts.rooms), except: new Set(opts.except) }
    const entry = { number, opts: kept, data: packet.data, emittedAt: Date.now() }
    this.#entries.push(entry)
    if (kept.rooms.size === 0) this.#toAll.push(entry)
    for (const room of kept.rooms) {
      const entries = this.#byRoom.get(room)
      if (entries) entries.push(entry)
      else this.#byRoom.set(room, [entry])
    }
    this.#startTimer()
  }

  /** @param {any} session `{sid, pid, rooms, data}` */
  persist(session) {
    session.disconnectedAt = Date.now()
    this.#sessions.set(session.pid, session)
    this.#startTimer()
  }

  /**
   * The session with what it missed since `offset`; null when the session or the offset is not known (any more).
   * @param {string} pid
   * @param {string} offset
   */
  restore(pid, offset) {
    const session = this.#sessions.get(pid)
    if (!session) return null
    if (session.disconnectedAt + this.#maxAge < Date.now()) {
      this.#sessions.delete(pid)
      return null
    }
    const number = this.#numberOf(offset)
    if (number === null) return null
    return { ...session, missedPackets: this.#missed(session.rooms, number) }
  }

  close() {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /**
   * @param {unknown[]} rooms of the session
   * @param {number} after
   */
  #missed(rooms, after) {
    const lists = [this.#toAll, ...rooms.map((room) => this.#byRoom.get(room) ?? [])]
    /** @type {Map<number, Entry>} A packet to several of the rooms counts once. */
    const found = new Map()
    for (const entries of lists) {
      for (let i = firstAfter(entries, after); i < entries.length; i++) {
        const entry = entries[i]
        if (!rooms.some((room) => entry.opts.except.has(room))) found.set(entry.number, entry)
      }
    }
    return [...found.values()].sort((a, b) => a.number - b.number).map((entry) => entry.data)
  }

  /** @param {number} number */
  #offset(number) {
    return this.#prefix + number.toString(36).padStart(DIGITS, '0')
  }

  /** @param {unknown} offset @returns {number | null} of a packet that is still kept */
  #numberOf(offset) {
    if (typeof offset !== 'string' || !offset.startsWith(this.#prefix)) return null
    const number = parseInt(offset.slice(this.#prefix.length), 36)
    const kept = number >= this.#first && number < this.#next
    return kept && this.#offset(number) === offset ? number : null
  }

  #startTimer() {
    if (this.#timer) return
    this.#timer = setInterval(() => this.#clean(), CLEAN_EVERY)
    this.#timer.unref()
  }

  #clean() {
    const threshold = Date.now() - this.#maxAge
    for (const [pid, session] of this.#sessions) {
      if (session.disconnectedAt < threshold) this.#sessions.delete(pid)
    }
    const kept = this.#entries.findIndex((entry) => entry.emittedAt >= threshold)
    const gone = kept === -1 ? this.#entries.length : kept
    if (gone > 0) this.#drop(gone)
    if (this.#entries.length === 0 && this.#sessions.size === 0) this.close()
  }

  /** @param {number} count of the oldest packets */
  #drop(count) {
    const rooms = new Set(this.#entries.slice(0, count).flatMap((entry) => [...entry.opts.rooms]))
    this.#entries.splice(0, count)
    this.#first += count
    this.#toAll.splice(0, firstAfter(this.#toAll, this.#first - 1))
    for (const room of rooms) {
      const entries = this.#byRoom.get(room) ?? []
      entries.splice(0, firstAfter(entries, this.#first - 1))
      if (entries.length === 0) this.#byRoom.delete(room)
    }
  }
}

/**
 * The place of the first entry with a number above `number`: entries are in the order of their numbers.
 * @param {Entry[]} entries
 * @param {number} number
 */
function firstAfter(entries, number) {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (entries[middle].number > number) high = middle
    else low = middle + 1
  }
  return low
}

module.exports = { Recovery }
