// @ts-check
'use strict'

/**
 * One Engine.IO connection: its index, its lane or why it has none, and its sockets in the namespaces.
 */

const { Lane } = require('./lane')
const { compatReason, hasWaitingBytes, kLane } = require('./lane-support')

/** Engine.IO events by which an app or a tool watches packets: a connection with such listeners is observed. */
const PACKET_EVENTS = ['packetCreate', 'flush', 'drain']

class Connection {
  engine
  conn
  index
  /** @type {Lane | null} */
  lane = null
  /** Why packets are written by JavaScript, or null with a lane. @type {import('..').CompatReason | null} */
  compat = 'opening'
  /** Something listens to the packets of this connection. */
  observed = false

  /** The adapters with a socket of this connection. @type {import('./adapter').NativeAdapter[]} */
  #adapters = []
  #ended = false
  /** Waits for the upgrade from long-polling. @type {(() => void) | undefined} */
  #onUpgrade

  /**
   * @param {import('./engine').Engine} engine
   * @param {any} conn
   * @param {number} index
   */
  constructor(engine, conn, index) {
    this.engine = engine
    this.conn = conn
    this.index = index
  }

  /** Opens the lane, or finds out when it can be. */
  begin() {
    this.#openLane()
    if (this.conn.transport?.name !== 'polling') return
    this.#onUpgrade = () => {
      this.#forgetUpgrade()
      this.#openLane()
    }
    this.conn.on('upgrade', this.#onUpgrade)
  }

  /** Whether JavaScript has to write broadcasts for the sockets of this connection. */
  get needsJavaScript() {
    return this.lane === null || this.observed
  }

  /** @param {import('./adapter').NativeAdapter} adapter */
  has(adapter) {
    return this.#adapters.includes(adapter)
  }

  /** @param {import('./adapter').NativeAdapter} adapter */
  attach(adapter) {
    // Of exactly that size: one that is pushed to has room for many.
    this.#adapters = this.#adapters.concat(adapter)
  }

  /** @param {import('./adapter').NativeAdapter} adapter */
  detach(adapter) {
    this.#adapters = this.#adapters.filter((other) => other !== adapter)
    this.#forgetWhenUnused()
  }

  #openLane() {
    const reason = compatReason(this.conn, this.engine.settings)
    if (reason !== null) {
      this.compat = reason
      return
    }
    if (hasWaitingBytes(this.conn)) {
      this.compat = 'opening'
      // An empty write ends when everything before it is with the kernel.
      this.conn.transport.socket._socket.write('', () => {
        if (!this.lane && !this.#ended) this.#openLane()
      })
      return
    }
    const lane = new Lane(this)
    try {
      lane.open()
    } catch {
      this.engine.descriptorFailures++
      this.compat = 'descriptor'
      return
    }
    this.lane = lane
    this.compat = null
    this.conn.on('newListener', onListener)
    this.conn.on('removeListener', onListenerRemoved)
    this.observed = PACKET_EVENTS.some((event) => this.conn.listenerCount(event) > 0)
    this.#refresh()
    // What Engine.IO held back goes first.
    this.conn.flush()
  }

  #forgetUpgrade() {
    if (this.#onUpgrade) this.conn.off('upgrade', this.#onUpgrade)
    this.#onUpgrade = undefined
  }

  /** @param {string} event */
  listenerAdded(event) {
    if (!PACKET_EVENTS.includes(event) || this.observed) return
    this.observed = true
    this.#refresh()
  }

  /** @param {string} event */
  listenerRemoved(event) {
    if (!PACKET_EVENTS.includes(event) || !this.observed) return
    this.observed = PACKET_EVENTS.some((other) => this.conn.listenerCount(other) > 0)
    this.#refresh()
  }

  #refresh() {
    for (const adapter of this.#adapters) adapter.refresh(this)
  }

  /** The client is behind, or has caught up. @param {boolean} parked */
  laneParked(parked) {
    for (const adapter of [...this.#adapters]) adapter.socketParked(this, parked)
  }

  /** The native lane let go of its descriptor. */
  laneClosed() {
    if (!this.lane) return
    this.#ended = true
    const { lane } = this
    this.lane = null
    this.compat = 'opening'
    this.conn.off('newListener', onListener)
    this.conn.off('removeListener', onListenerRemoved)
    this.#refresh()
    lane.closed()
    this.engine.laneClosed()
    this.#forgetWhenUnused()
  }

  #forgetWhenUnused() {
    if (this.#adapters.length > 0 || this.lane) return
    this.#ended = true
    this.#forgetUpgrade()
    this.engine.forget(this)
  }
}

/** Shared by all connections: closures would be two more objects for each. @this {any} @param {string} event */
function onListener(event) {
  this[kLane]?.connection.listenerAdded(event)
}

/** @this {any} @param {string} event */
function onListenerRemoved(event) {
  this[kLane]?.connection.listenerRemoved(event)
}

module.exports = { Connection }
