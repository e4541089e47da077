// @ts-check
'use strict'

/** What an emitter and its namespaces share: the connection, what is on its way, and who hears of it. */

const { EventEmitter } = require('node:events')
const { randomBytes } = require('node:crypto')
const os = require('node:os')
const { NativeAdapterError } = require('../errors')
const { FAREWELL, flushAtExit, forgetAtExit } = require('../exit')
const { NativeEngine } = require('../native')
const { apart } = require('../write-callbacks')

/** The kinds of `src/cluster.rs`. */
const EVENT = { UP: 0, DOWN: 1, FLUSHED: 20 }

/** So many messages are handed over before the thread is told, at the latest: it begins while the event loop goes on. */
const WAKE_AFTER = 256
/** So many namespaces are kept: an emitter may be used for any number. */
const KEPT = 1000
/** What servers know all emitters by. */
const UID = 'emitter'

/** It has no connections that could be written to: the settings of its writers do not matter. */
const NO_WRITERS = { writers: 1, maxBufferedBytes: 1024, drop: true, ioUring: false, inline: 0 }

class EmitterLink {
  events = new EventEmitter()

  #native
  #namespace
  /** By name, the one that was used last at the end. @type {Map<string, number>} */
  #slots = new Map()
  #nextSlot = 0
  /** @type {Map<number, () => void>} */
  #flushes = new Map()
  #nextTicket = 0
  #handed = 0
  /** @type {NodeJS.Immediate | undefined} */
  #waking
  /** Messages that were lost before the last flush. */
  #lost = 0
  #closed = false

  /** @param {import('./options').ClusterSettings} settings */
  constructor({ mode, subscriptionMode, key, outbox, redis, streams }) {
    const engine = new NativeEngine(NO_WRITERS)
    this.#namespace = engine.openNamespace()
    const self = new WeakRef(this)
    this.#native = engine.openCluster(
      {
        mode,
        subscriptionMode,
        key,
        uid: UID,
        name: `${os.hostname()}:${process.pid}:${randomBytes(3).toString('hex')}`,
        outbox: outbox.messages,
        outboxBytes: outbox.bytes,
        redis: JSON.stringify(redis),
        streams,
        emitter: true,
      },
      () => self.deref()?.takeEvents(),
    )
    flushAtExit(this)
  }

  /** @param {string} nsp */
  #slot(nsp) {
    if (this.#closed) throw new NativeAdapterError('ERR_CLUSTER_CLOSED', 'expected an emitter that is open, got one after close()')
    let slot = this.#slots.get(nsp)
    if (slot === undefined) {
      slot = this.#nextSlot++
      this.#native.join(slot, this.#namespace, nsp, false)
    } else {
      this.#slots.delete(nsp)
    }
    this.#slots.set(nsp, slot)
    if (this.#slots.size > KEPT) {
      const [oldest, gone] = /** @type {[string, number]} */ (this.#slots.entries().next().value)
      this.#slots.delete(oldest)
      this.#native.leave(gone)
    }
    return slot
  }

  /** @param {string} nsp @param {string} text @param {string | null} room @param {string | null} options */
  broadcast(nsp, text, room, options) {
    this.#native.broadcast(this.#slot(nsp), text, room, options)
    this.#touch()
  }

  /** @param {string} nsp @param {string | Buffer} payload @param {string | null} room */
  packet(nsp, payload, room) {
    this.#native.packet(this.#slot(nsp), payload, room)
    this.#touch()
  }

  /** @param {string} nsp @param {string | Buffer} payload */
  request(nsp, payload) {
    this.#native.request(this.#slot(nsp), payload, null)
    this.#touch()
  }

  /** What was handed over leaves together, at the end of the turn. */
  #touch() {
    this.#handed++
    if (this.#handed % WAKE_AFTER === 0) this.#native.wake()
    this.#waking ??= setImmediate(() => {
      this.#waking = undefined
      if (!this.#closed) this.#native.wake()
    })
  }

  /** @param {number} timeout ms */
  async flush(timeout) {
    if (this.#closed) return
    const ticket = this.#nextTicket++
    /** @type {NodeJS.Timeout | undefined} */
    let timer
    // The timer keeps the process alive meanwhile.
    const late = new Promise((resolve) => (timer = setTimeout(resolve, timeout, 'late')))
    const flushed = new Promise((resolve) => this.#flushes.set(ticket, () => resolve('flushed')))
    this.#native.flush(ticket)
    this.#native.wake()
    const end = await Promise.race([late, flushed])
    clearTimeout(timer)
    this.#flushes.delete(ticket)
    const { outbox, outboxDropped, unconfirmed } = this.stats()
    const lost = outboxDropped + unconfirmed - this.#lost
    this.#lost += lost
    if (end === 'late') {
      const message = `expected Redis to take what was emitted within ${timeout} ms, but ${outbox} messages wait`
      throw new NativeAdapterError('ERR_CLUSTER_UNREACHABLE', message)
    }
    if (lost > 0) {
      const message =
        `expected all messages to be published, but ${lost} were not, or nobody knows: ${outboxDropped} in all did not fit into ` +
        `the outbox (flush() more often, or raise its limits), ${unconfirmed} were on their way when the connection was lost`
      throw new NativeAdapterError('ERR_CLUSTER_LOST', message)
    }
  }

  /** @param {number} timeout ms */
  async close(timeout) {
    try {
      await this.flush(timeout)
    } finally {
      this.#end(0)
    }
  }

  /** @param {number} wait ms */
  #end(wait) {
    if (this.#closed) return
    this.#closed = true
    this.#last = this.stats()
    forgetAtExit(this)
    if (this.#waking) clearImmediate(this.#waking)
    this.#native.close(wait)
  }

  /** @type {any} */
  #last

  flushAtExit() {
    this.#end(FAREWELL)
  }

  /** @returns {import('../..').ClusterStats} */
  stats() {
    if (this.#last) return this.#last
    const { lag, streamLag, ...counters } = JSON.parse(this.#native.stats())
    return { ...counters, lag: lag / 1000, streamLag }
  }

  takeEvents() {
    for (const event of this.#native.take()) apart(() => this.#handle(event))
  }

  /** @param {import('../../native').NativeClusterEvent} event */
  #handle({ kind, slot, code, message = '' }) {
    if (kind === EVENT.FLUSHED) return this.#flushes.get(slot)?.()
    if (kind === EVENT.UP) return void this.events.emit('cluster:up')
    if (kind !== EVENT.DOWN || this.#closed) return
    const error = new NativeAdapterError(/** @type {import('../..').ErrorCode} */ (code), message)
    // Not the error: an instance of another realm (Jest's) is refused.
    if (!this.events.emit('cluster:down', error)) process.emitWarning(message, { code })
  }
}

module.exports = { EmitterLink, UID }
