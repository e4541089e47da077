// @ts-check
'use strict'

/** The cluster of one Socket.IO server: its connection, its namespaces there, and what it asks the other servers. */

const os = require('node:os')
const { NativeAdapterError } = require('../errors')
const { FAREWELL, flushAtExit, forgetAtExit } = require('../exit')
const { apart } = require('../write-callbacks')
const { EVENT } = require('./events')
const { newUid } = require('./format')
const { Requests, readCensus } = require('./requests')
const { RoomSubscriptions } = require('./room-subscriptions')
const { Tickets } = require('./tickets')

/** @typedef {import('./adapter').ClusterAdapter} ClusterAdapter */
/** @typedef {import('../../native').NativeClusterEvent} NativeClusterEvent */

/** How often it is looked whether broadcasts may pass the event loop by, in ms. */
const LOOK_EVERY = 1000

class Cluster {
  uid
  settings

  #engine
  /** @type {NativeCluster} */
  #native
  /** By slot. @type {Map<number, ClusterAdapter>} */
  #adapters = new Map()
  #nextSlot = 0
  /** Called when a slot's channels are subscribed. @type {Map<number, () => void>} */
  #joins = new Map()
  #tickets = new Tickets()
  #rooms = new RoomSubscriptions((ticket) => this.#native.settle(ticket))
  #requests = new Requests(this)
  /** Requests of other servers. */
  #served = 0
  #timer
  #closed = false

  /**
   * @param {import('../engine').Engine} engine
   * @param {import('./options').ClusterSettings} settings
   * @param {{ maxDisconnectionDuration: number }} [recovery] of the server
   */
  constructor(engine, settings, recovery) {
    this.#engine = engine
    this.settings = settings
    this.uid = newUid(settings.mode)
    // Weak: a server that was dropped without being closed can be collected.
    const self = new WeakRef(this)
    this.#native = engine.native.openCluster(
      {
        mode: settings.mode,
        subscriptionMode: settings.subscriptionMode,
        key: settings.key,
        uid: this.uid,
        name: `${os.hostname()}:${process.pid}`,
        outbox: settings.outbox.messages,
        outboxBytes: settings.outbox.bytes,
        redis: JSON.stringify(settings.redis),
        streams: settings.streams && { ...settings.streams, recovery: recovery?.maxDisconnectionDuration },
        emitter: false,
      },
      () => self.deref()?.takeEvents(),
    )
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY)
    this.#timer.unref()
    flushAtExit(this)
  }

  get calls() {
    return this.#native
  }

  get closed() {
    return this.#closed
  }

  /** What it asks the other servers. */
  get requests() {
    return this.#requests
  }

  /** @param {ClusterAdapter} adapter @param {number} namespace the engine's number @returns {number} its slot */
  join(adapter, namespace) {
    const slot = this.#nextSlot++
    this.#adapters.set(slot, adapter)
    this.#native.join(slot, namespace, adapter.nsp.name, adapter.nativeInbound())
    this.touch()
    return slot
  }

  /** @param {number} slot @returns {Promise<void>} once what is sent to the namespace arrives */
  joined(slot) {
    return new Promise((resolve) => this.#joins.set(slot, resolve))
  }

  /** @param {number} slot */
  leave(slot) {
    if (!this.#adapters.delete(slot)) return
    this.#native.leave(slot)
    this.#joins.get(slot)?.()
    this.#joins.delete(slot)
    if (this.#adapters.size === 0) this.#close(0)
    else this.touch()
  }

  /** Sockets join rooms, which other servers' messages reach by channels of their own. */
  get rooms() {
    return this.#rooms
  }

  /** What was handed over leaves at the end of the tick. */
  touch() {
    this.#engine.touch()
  }

  wake() {
    this.#tickets.echo((ticket) => this.#native.echo(ticket))
    this.#native.wake()
  }

  /** Calls this after everything is handled that is on its way now. @param {() => void} act */
  afterwards(act) {
    if (this.#closed) return act()
    this.#tickets.afterwards(act)
    this.touch()
  }

  /** Asks for the adapter's turn to change who writes to its clients; false when nothing comes any more. @param {number} slot */
  turn(slot) {
    if (this.#closed) return false
    this.#native.turn(slot)
    this.touch()
    return true
  }

  flushAtExit() {
    this.#close(FAREWELL)
  }

  /** @param {number} timeout ms to wait for the end */
  #close(timeout) {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    forgetAtExit(this)
    this.#engine.clusterClosed(this)
    this.#tickets.close()
    this.#rooms.close()
    this.#native.close(timeout)
  }

  stats() {
    const { lag, ...counters } = JSON.parse(this.#native.stats())
    return { ...counters, lag: lag / 1000, ...this.#requests.stats(), requestsServed: this.#served }
  }

  /** @param {number} slot @returns {Promise<import('./requests').Census>} */
  census(slot) {
    return new Promise((resolve) => {
      if (this.#closed) return resolve(readCensus(null))
      const ticket = this.#tickets.take((answer) => resolve(readCensus(answer)))
      this.#native.count(slot, ticket)
      this.touch()
    })
  }

  /**
   * Somebody has come back: takes its session, and looks what it missed.
   * @param {number} slot
   * @param {string} key of the session
   * @param {string} offset
   */
  restore(slot, key, offset) {
    let ticket = 0
    /** @type {Promise<NativeClusterEvent | null>} */
    const found = new Promise((resolve) => {
      if (this.#closed) return resolve(null)
      ticket = this.#tickets.take(resolve)
      if (!this.#native.restore(slot, ticket, key, offset)) return this.#tickets.answer(ticket, null)
      this.touch()
    })
    return { ticket, found }
  }

  /** @param {number} slot @param {string | Buffer} request without an answer */
  tell(slot, request) {
    this.#native.request(slot, request, null)
    this.touch()
  }

  #look() {
    let used = false
    for (const [slot, adapter] of this.#adapters) {
      // One that its namespace has replaced is never closed by Socket.IO.
      const current = adapter.nsp.adapter === adapter
      used ||= current
      if (current) this.#native.setNative(slot, adapter.nativeInbound())
    }
    if (!used) this.#close(0)
    else this.#native.wake()
  }

  takeEvents() {
    for (const event of this.#native.take()) apart(() => this.#handle(event))
    this.#engine.touch()
  }

  /** @param {NativeClusterEvent} event */
  #handle(event) {
    const { kind, slot, payload, recipients, code, message, token, offset } = event
    if (kind === EVENT.UP) return this.#emit('cluster:up')
    if (kind === EVENT.DOWN) return this.#down(/** @type {any} */ (code), /** @type {string} */ (message))
    if (kind === EVENT.COUNT || kind === EVENT.RESTORED || kind === EVENT.ECHO) return this.#tickets.answer(slot, event)
    if (kind === EVENT.SETTLED) return this.#rooms.settled(slot)
    if (kind === EVENT.JOINED) {
      this.#joins.get(slot)?.()
      this.#joins.delete(slot)
      return
    }
    const adapter = /** @type {any} */ (this.#adapters.get(slot))
    if (kind === EVENT.RELEASED) return adapter?.released(token, offset ?? null)
    if (kind === EVENT.LATE) return adapter?.writeLate(token, [String(payload), ...(event.attachments ?? [])])
    const bytes = /** @type {Buffer} */ (payload)
    if (kind === EVENT.RESPONSE) {
      const answer = adapter?.format.readAnswer(bytes)
      return answer && this.#requests.answer(answer)
    }
    if (kind === EVENT.BROADCAST) return adapter?.remoteBroadcast(bytes, recipients ?? null)
    try {
      if (kind === EVENT.TURN) adapter?.takeTurn()
      else if (kind === EVENT.WHOLE) adapter?.remoteBroadcast(bytes, null)
      else this.#serve(adapter, bytes)
    } finally {
      // What came after it has waited for it.
      if (!this.#closed) this.#native.done(slot)
    }
  }

  /** @param {ClusterAdapter | undefined} adapter @param {Buffer} request */
  #serve(adapter, request) {
    this.#served++
    adapter?.remoteRequest(request)
  }

  /** @param {import('../..').ErrorCode} code @param {string} message */
  #down(code, message) {
    const error = new NativeAdapterError(code, message)
    // Not the error: an instance of another realm (Jest's) is refused.
    if (!this.#emit('cluster:down', error)) process.emitWarning(message, { code })
  }

  /** @param {string} event @param {unknown[]} args @returns {boolean} whether somebody listens */
  #emit(event, ...args) {
    let heard = false
    for (const adapter of [...this.#adapters.values()]) {
      apart(() => {
        heard = adapter.emit(event, ...args) || heard
      })
    }
    return heard
  }
}

module.exports = { Cluster }
