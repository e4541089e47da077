// @ts-check
'use strict'

/**
 * The engine of one Socket.IO server: its connections, the writers while there are lanes, and the ticks of the event loop.
 */

const { NativeEngine } = require('./native')
const { Connection } = require('./connection')
const { ClientTooSlowError, NativeAdapterError } = require('./errors')
const { flushAtExit, forgetAtExit } = require('./exit')

/** The kinds of `src/events.rs`. */
const EVENT = { WRITTEN: 0, PARKED: 1, RESUMED: 2, FAILED: 3, SLOW: 4, CLOSED: 5, WRITER_LOST: 6 }

/** Up to so many small frames are written on the event loop, at most once a millisecond: to wake a thread would take longer. */
const INLINE = 16

class Engine {
  /** @type {import('./options').Settings} */
  settings
  native
  /** @type {NativeCalls} */
  calls
  /** Changes between ticks of the event loop: what happens before the callbacks of `process.nextTick` is one tick. */
  tick = 0
  /** Of a server in a cluster, while it has adapters. @type {import('./cluster/cluster').Cluster | undefined} */
  cluster
  /** Counters for `stats()`. */
  descriptorFailures = 0

  /** By index; a number without a connection belongs to a socket that is not connected (yet). @type {(Connection | undefined)[]} */
  #connections = []
  /** @type {WeakMap<object, Connection>} */
  #byConn = new WeakMap()
  /** Engine.IO servers of the connections: something may listen to all their packets. @type {any[]} */
  #servers = []
  /** @type {Set<any>} */
  #adapters = new Set()
  /** Lanes that were given a packet in this tick. @type {import('./lane').Lane[]} */
  #sent = []
  #lanes = 0
  #armed = false
  #exiting = false

  /** @param {import('./options').Settings} settings */
  constructor(settings) {
    this.settings = settings
    this.native = new NativeEngine({
      writers: settings.writers,
      maxBufferedBytes: settings.maxBufferedBytes,
      drop: settings.overflow === 'drop',
      ioUring: settings.ioUring,
      inline: INLINE,
    })
    this.calls = this.native.calls()
  }

  /** @param {import('./cluster/cluster').Cluster} cluster */
  clusterClosed(cluster) {
    if (this.cluster === cluster) this.cluster = undefined
  }

  /** @param {unknown} adapter */
  addAdapter(adapter) {
    this.#adapters.add(adapter)
  }

  /** @param {unknown} adapter */
  removeAdapter(adapter) {
    this.#adapters.delete(adapter)
    this.#stopWhenUnused()
  }

  /** @returns {ReadonlySet<any>} */
  get adapters() {
    return this.#adapters
  }

  /**
   * The record of an Engine.IO connection, made at its first socket.
   * @param {any} conn
   */
  connectionOf(conn) {
    let connection = this.#byConn.get(conn)
    if (!connection) {
      connection = new Connection(this, conn, this.native.takeIndex())
      this.#byConn.set(conn, connection)
      this.#connections[connection.index] = connection
      if (conn.server && !this.#servers.includes(conn.server)) this.#servers.push(conn.server)
      connection.begin()
    }
    return connection
  }

  /** @param {any} conn @returns {Connection | undefined} */
  knownConnection(conn) {
    return this.#byConn.get(conn)
  }

  /** @param {number} index @returns {Connection | undefined} */
  connectionAt(index) {
    return this.#connections[index]
  }

  /** @param {Connection} connection */
  forget(connection) {
    this.#byConn.delete(connection.conn)
    this.#connections[connection.index] = undefined
    this.giveIndexBack(connection.index)
    this.#stopWhenUnused()
  }

  /** An index can be given to somebody else: not while news on its way still means its last owner. @param {number} index */
  giveIndexBack(index) {
    if (this.cluster) this.cluster.afterwards(() => this.calls.giveIndexBack(index))
    else this.calls.giveIndexBack(index)
  }

  /** @returns {IterableIterator<Connection>} */
  *connections() {
    for (const connection of this.#connections) if (connection) yield connection
  }

  /** Whether each packet of each connection must pass through Engine.IO, because something listens to all of them. */
  get observed() {
    const servers = this.#servers
    for (let i = 0; i < servers.length; i++) {
      // What Node.js' listenerCount() looks at, for each broadcast.
      const events = servers[i]._events
      if (events.flush !== undefined || events.drain !== undefined) return true
    }
    return false
  }

  /** A lane opens: the writers run from now on. */
  laneOpens() {
    if (this.#lanes === 0) {
      // Weak: a server that was dropped without being closed can be collected, and its writers end.
      const self = new WeakRef(this)
      this.native.start(() => self.deref()?.takeEvents(), this.settings.flushTimeout)
      flushAtExit(this)
    }
    this.#lanes++
  }

  laneClosed() {
    this.#lanes--
    if (this.#lanes === 0) forgetAtExit(this)
    this.#stopWhenUnused()
  }

  /** To be called after something was handed to the writers: they are woken at the end of the tick, once. */
  touch() {
    if (this.#armed) return
    if (this.#exiting) {
      this.native.flush(this.settings.flushTimeout)
      this.cluster?.wake()
      return
    }
    this.#armed = true
    process.nextTick(this.#endTick)
  }

  /** A lane's transport is not writable until the end of the tick. @param {import('./lane').Lane} lane */
  sentInTick(lane) {
    this.#sent.push(lane)
  }

  #endTick = () => {
    this.#armed = false
    this.tick = (this.tick + 1) >>> 0
    const sent = this.#sent
    if (sent.length > 0) {
      this.#sent = []
      for (let i = 0; i < sent.length; i++) sent[i].tickEnded()
    }
    this.calls.wake()
    this.cluster?.wake()
  }

  /** The process ends: there is no later. */
  flushAtExit() {
    this.#exiting = true
    this.#armed = false
    this.native.flush(this.settings.flushTimeout)
  }

  #stopWhenUnused() {
    if (this.#lanes > 0) return
    // An adapter that its namespace has replaced gets no more sockets, and Socket.IO never closes it.
    for (const adapter of this.#adapters) if (adapter.nsp.adapter === adapter) return
    this.native.stop()
    if (this.#adapters.size === 0) this.#servers = []
  }

  /** The writers have news. */
  takeEvents() {
    const events = this.native.takeEvents()
    for (let i = 0; i < events.length; i += 3) {
      try {
        this.#handle(events[i], events[i + 1], events[i + 2])
      } catch (error) {
        // A listener of the app threw: the other lanes' news must not be lost with it.
        process.nextTick(rethrow, error)
      }
    }
  }

  /**
   * @param {number} kind
   * @param {number} subject
   * @param {number} value
   */
  #handle(kind, subject, value) {
    if (kind === EVENT.WRITER_LOST) return this.#writerLost(subject)
    const connection = this.#connections[subject]
    if (!connection) return
    if (kind === EVENT.CLOSED) return connection.laneClosed()
    const { lane } = connection
    if (!lane) return
    if (kind === EVENT.WRITTEN) return lane.written(value)
    if (kind === EVENT.PARKED || kind === EVENT.RESUMED) return lane.setParked(kind === EVENT.PARKED)
    if (kind === EVENT.SLOW) return lane.lost(new ClientTooSlowError(this.settings.maxBufferedBytes))
    if (kind === EVENT.FAILED) {
      const message = `expected the connection to take bytes, but it is lost (system error ${value})`
      return lane.lost(new NativeAdapterError('ERR_CONNECTION_LOST', message))
    }
  }

  /** @param {number} writer */
  #writerLost(writer) {
    const message = `writer thread ${writer} ended by a bug; its connections are closed. Please report it`
    const error = new NativeAdapterError('ERR_NATIVE_FAILURE', message)
    process.emitWarning(error)
    for (const connection of this.connections()) {
      if (connection.index % this.settings.writers !== writer || !connection.lane) continue
      connection.lane.lost(error)
      // No news will come of it.
      connection.laneClosed()
    }
  }
}

/** @param {unknown} error */
function rethrow(error) {
  throw error
}

module.exports = { Engine }
