// @ts-check
'use strict'

/**
 * A lane takes over the writes of one WebSocket: from `open()` on, the native writer is the only one that writes to it.
 *
 * What Engine.IO and ws do on that connection keeps its meaning: direct emits, heartbeats, pongs and close frames pass through the
 * lane in the order in which they were issued; callbacks fire when the kernel has the bytes.
 */

const { NativeAdapterError } = require('./errors')
const { deflateOf } = require('./lane-support')
const { putBack, takeOver } = require('./takeover')
const { WriteCallbacks, apart } = require('./write-callbacks')

/** The flags of `src/fanout.rs`. */
const FLAG = { TICKET: 1, VOLATILE: 2, CONTINUES: 4, PLAIN: 8 }

/** The first character of an Engine.IO packet, by its type. @type {Record<string, number>} */
const KIND = { open: 0x30, close: 0x31, ping: 0x32, pong: 0x33, message: 0x34, upgrade: 0x35, noop: 0x36 }

const EMPTY = Buffer.alloc(0)

/** A stream that ends waits at least so long for the writer, which may have to wait for a processor. In milliseconds. */
const LEAST_WAIT = 100

/** In the list of callbacks: the end of a batch that Engine.IO's transport sent. */
const BATCH = Symbol('batch')

/** A packet below this, in characters or bytes, is with the kernel at once unless the lane is parked, which is known. */
const SMALL = 16 * 1024

class Lane {
  connection
  #conn
  #transport
  #stream
  #legacy
  /** What to call when the kernel has the bytes; `BATCH` for the end of one. */
  #callbacks = new WriteCallbacks()
  /** Batches of the transport that the kernel does not have yet. */
  #batches = 0
  #flushing = false
  /** The batch that is being flushed has nobody who waits for it. */
  #silent = false
  /** The tick in which such a batch was sent: the transport is not writable until its end. */
  #silentTick = -1
  /** Engine.IO's own listeners of the transport's "drain" and "ready". */
  #listeners
  #parked = false
  /** @type {Error | null} */
  #error = null
  #closing = false
  #closed = false
  /** The options of the last packet: an attachment comes with the same object as the packet that it belongs to. */
  #lastOptions = null

  /** @param {import('./connection').Connection} connection */
  constructor(connection) {
    this.connection = connection
    this.#conn = connection.conn
    this.#transport = connection.conn.transport
    this.#stream = this.#transport.socket._socket
    this.#legacy = connection.conn.protocol === 3
    this.#listeners = countWaiting(this.#transport)
  }

  get engine() {
    return this.connection.engine
  }

  /** Takes the writes over. Throws when the descriptor cannot be duplicated: then nothing has changed. */
  open() {
    const { engine, connection } = this
    engine.laneOpens()
    try {
      const { threshold, level } = deflateOf(this.#transport.socket)
      engine.native.openLane(connection.index, this.#stream._handle.fd, this.#legacy, threshold, level)
    } catch (error) {
      engine.laneClosed()
      throw error
    }
    takeOver(this, this.#conn)
    engine.touch()
  }

  /** Engine.IO's flush, which writes through: were packets held back in JavaScript, broadcasts would overtake them. */
  flush() {
    const conn = this.#conn
    const silent = this.#isSilent()
    this.#flushing = true
    this.#silent = silent
    // Engine.IO would hold packets back.
    this.#transport.writable = true
    try {
      Object.getPrototypeOf(conn).flush.call(conn)
    } finally {
      this.#flushing = false
      this.#silent = false
      this.#tellWritable()
    }
    // Engine.IO 6.6 notes that nobody waits, until the transport's "drain", which a silent batch does not emit.
    if (silent && conn.sentCallbackFn.at(-1) === null) conn.sentCallbackFn.pop()
  }

  /** Whether nobody waits for the end of what Engine.IO is about to send: then no news of it has to come back. */
  #isSilent() {
    const { packetsFn, writeBuffer } = this.#conn
    return (
      packetsFn.length === 0 &&
      writeBuffer.every(isSmall) &&
      countWaiting(this.#transport) <= this.#listeners
    )
  }

  /** Engine.IO reads it: not writable while something is on its way, as with its own transport. */
  #tellWritable() {
    if (this.#flushing) return
    this.#transport.writable = this.#batches === 0 && !this.#parked && this.#silentTick !== this.engine.tick
  }

  /** The tick in which a silent batch was sent is over. */
  tickEnded() {
    if (!this.#closed) this.#tellWritable()
  }

  /** Engine.IO's transport sends a batch of packets. @param {any[]} packets */
  sendBatch(packets) {
    if (this.#silent && !this.#error) {
      if (this.#silentTick !== this.engine.tick) this.engine.sentInTick(this)
      this.#silentTick = this.engine.tick
      for (const packet of packets) this.#sendPacket(packet, 0)
      this.engine.touch()
      return
    }
    this.#batches++
    this.#tellWritable()
    this.#issue(BATCH, (ticket) => {
      for (let i = 0; i < packets.length; i++) {
        this.#sendPacket(packets[i], i + 1 === packets.length ? ticket : 0)
      }
    })
  }

  /**
   * @param {any} packet
   * @param {number} ticket
   */
  #sendPacket({ type, data, options }, ticket) {
    const { calls, tick } = this.engine
    const { index } = this.connection
    let flags = ticket
    if (options?.volatile) flags |= FLAG.VOLATILE
    if (options?.compress === false) flags |= FLAG.PLAIN
    if (options && options === this.#lastOptions) flags |= FLAG.CONTINUES
    // A frame that was encoded beforehand has no attachments, and would be kept alive.
    this.#lastOptions = options?.wsPreEncodedFrame ? null : options
    if (typeof data === 'string') calls.sendText(index, KIND[type], data, flags, tick)
    else if (data instanceof Uint8Array) calls.sendBinary(index, data, this.#legacy, flags, tick)
    else if (ArrayBuffer.isView(data)) {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      calls.sendBinary(index, bytes, this.#legacy, flags, tick)
    } else if (data instanceof ArrayBuffer) calls.sendBinary(index, new Uint8Array(data), this.#legacy, flags, tick)
    else calls.sendText(index, KIND[type], String(data || ''), flags, tick)
  }

  /**
   * ws sends a frame: a pong, a close frame, or what the app itself sends through ws.
   * @param {(Buffer | string)[]} list
   * @param {((error?: Error) => void)} [callback]
   */
  sendFrame([header, payload = EMPTY], callback) {
    const { engine, connection } = this
    const bytes = [header, payload].map((part) => (typeof part === 'string' ? Buffer.from(part) : part))
    this.#issue(callback ?? noop, (ticket) => {
      engine.native.sendFrame(connection.index, bytes[0], bytes[1], ticket, engine.tick)
    })
  }

  /**
   * Hands something over, and remembers what to call when it is written.
   * @param {typeof BATCH | ((error?: Error) => void)} callback
   * @param {(ticket: number) => void} handOver
   */
  #issue(callback, handOver) {
    if (this.#closed) this.#error ??= connectionClosed()
    const error = this.#error
    this.#callbacks.push(callback)
    if (error) {
      process.nextTick(() => this.#failCallbacks(error))
      return
    }
    try {
      handOver(FLAG.TICKET)
    } catch (cause) {
      this.#callbacks.pop()
      throw cause
    }
    this.engine.touch()
  }

  /** The kernel has the bytes of so many more tickets. @param {number} tickets */
  written(tickets) {
    // News of before the connection was lost: what was issued since has an error coming.
    if (this.#error) return
    for (const callback of this.#callbacks.take(tickets)) {
      apart(() => (callback === BATCH ? this.#batchWritten() : callback()))
    }
  }

  #batchWritten() {
    this.#batches--
    const transport = this.#transport
    this.#tellWritable()
    transport.emit('drain')
    if (this.#batches === 0) transport.emit('ready')
  }

  /** @param {boolean} parked */
  setParked(parked) {
    this.#parked = parked
    this.#tellWritable()
    this.connection.laneParked(parked)
    if (!parked) this.#transport.emit('ready')
  }

  /** What waits is not replaced by newer packets with its key any more. */
  forgetKeys() {
    if (!this.#error) this.engine.native.forgetKeys(this.connection.index)
  }

  /** The stream ends: not before what was handed over is written, within a bound, and nothing follows. @param {() => void} end */
  whenWritten(end) {
    const timeout = setTimeout(once, Math.max(LEAST_WAIT, this.engine.settings.flushTimeout))
    let ended = false
    function once() {
      if (ended) return
      ended = true
      clearTimeout(timeout)
      end()
    }
    this.#issue(once, () => this.engine.calls.finish(this.connection.index))
  }

  /** The native lane writes nothing more; the connection is closed for this reason. @param {Error} error */
  lost(error) {
    if (this.#error) return
    this.#error = error
    this.#failCallbacks(error)
    this.#transport.emit('error', error)
    this.#stream.destroy()
  }

  /** @param {Error} error */
  #failCallbacks(error) {
    for (const callback of this.#callbacks.takeAll()) {
      if (callback !== BATCH) apart(() => callback(error))
    }
  }

  /** Nothing more can be written. */
  streamClosed() {
    if (this.#closing) return
    this.#closing = true
    this.engine.calls.closeLane(this.connection.index, this.#legacy)
    this.engine.touch()
  }

  /** The native lane is gone: everything is put back. */
  closed() {
    this.#closing = true
    // Made when somebody is told: nearly all connections close without.
    if (!this.#callbacks.isEmpty) this.#failCallbacks((this.#error ??= connectionClosed()))
    this.#closed = true
    this.#transport.writable = this.#batches === 0
    putBack(this.#conn, this.#transport)
  }
}

function noop() {}

function connectionClosed() {
  return new NativeAdapterError('ERR_CONNECTION_LOST', 'expected to write, but the connection was closed')
}

/** How many wait for the end of a batch. @param {any} transport */
function countWaiting(transport) {
  return transport.listenerCount('drain') + transport.listenerCount('ready')
}

/** @param {any} packet */
function isSmall({ data }) {
  return data === undefined || (typeof data === 'string' ? data.length : data.byteLength) < SMALL
}

module.exports = { Lane }
