// @ts-check
'use strict'

const { Adapter } = require('socket.io-adapter')
const { Membership } = require('./membership')
const { PlainEncoder, splitPacket } = require('./packet')
const { ClientWatch } = require('./client-watch')
const { Recovery } = require('./recovery')

/** @typedef {import('socket.io-adapter').Room} Room */
/** @typedef {import('socket.io-adapter').SocketId} SocketId */
/** @typedef {{ rooms: Set<Room>, except?: Set<Room>, flags?: any }} BroadcastOptions */

/** The flags of `src/fanout.rs`. */
const FLAG = { VOLATILE: 2, PLAIN: 8 }

/** The base class's encoder of a frame that ws sends as it is; the versions before 2.5.2 have none. */
const { _encode: encodeFrame } = /** @type {any} */ (Adapter.prototype)

/** The adapter of one namespace. */
class NativeAdapter extends Adapter {
  #engine
  #membership
  #encoder
  #plainEncoder
  /** Made at the first use; null when the server has no recovery. @type {Recovery | null | undefined} */
  #recovery
  #clients

  /**
   * @param {any} nsp
   * @param {import('./engine').Engine} engine
   */
  constructor(nsp, engine) {
    super(nsp)
    this.#engine = engine
    this.#clients = new ClientWatch(nsp, engine)
    this.#encoder = nsp.server.encoder
    this.#plainEncoder = new PlainEncoder(this.#encoder)
    this.#membership = new Membership(this, engine)
    this.rooms = this.#membership.rooms
    this.sids = this.#membership.sids
    engine.addAdapter(this)
  }

  get engine() {
    return this.#engine
  }

  close() {
    this.#recovery?.close()
    this.#membership.close()
    this.#engine.removeAdapter(this)
  }

  /** @param {SocketId} id @param {Set<Room>} rooms @returns {Promise<void> | void} */
  addAll(id, rooms) {
    this.#membership.addAll(id, rooms)
  }

  /** @param {SocketId} id @param {Room} room */
  del(id, room) {
    this.#membership.del(id, room)
  }

  /** @param {SocketId} id */
  delAll(id) {
    this.#membership.delAll(id)
  }

  /** @param {SocketId} id */
  socketRooms(id) {
    return this.sids.get(id)
  }

  /** Who writes to the sockets of a connection may have changed. @param {import('./connection').Connection} connection */
  refresh(connection) {
    this.#membership.refresh(connection)
  }

  /** What waits for the connection of a socket. @param {any} socket @returns {number} bytes */
  bufferedBytes(socket) {
    const connection = this.#engine.knownConnection(socket.conn)
    return connection ? this.#engine.native.bufferedBytes(connection.index) : 0
  }

  /** @param {import('./connection').Connection} connection @param {boolean} parked */
  socketParked(connection, parked) {
    const id = this.#membership.idOf(connection)
    if (id !== undefined) this.emit(parked ? 'socket-slow' : 'socket-caught-up', id)
  }

  /** @param {any} packet @param {BroadcastOptions} opts */
  broadcast(packet, opts) {
    packet.nsp = this.nsp.name
    this.#recoveryLog()?.record(packet, opts)
    this.deliver(packet, opts)
  }

  /**
   * @param {any} packet
   * @param {BroadcastOptions} opts
   * @param {(clientCount: number) => void} clientCountCallback
   * @param {(...args: any[]) => void} ack
   */
  broadcastWithAck(packet, opts, clientCountCallback, ack) {
    packet.nsp = this.nsp.name
    packet.id = /** @type {any} */ (this.nsp)._ids++
    let clientCount = 0
    const expectAck = () =>
      this.#visit(opts, (socket) => {
        clientCount++
        socket.acks.set(packet.id, ack)
      })
    this.deliver(packet, opts, expectAck)
    clientCountCallback(clientCount)
  }

  /**
   * Encodes a packet, and hands it to the writers and to those sockets that JavaScript writes to.
   * @param {any} packet
   * @param {BroadcastOptions} opts
   * @param {() => void} [afterEncoding]
   * @returns {string | null} its text, when its data is plain
   */
  deliver(packet, opts, afterEncoding) {
    const flags = opts.flags ?? {}
    const { plain, encoded, parts } = this.prepare(packet)
    afterEncoding?.()
    if (parts === null) {
      this.writeByJavaScript(packet, encoded, flags, this.idsOf(opts))
      return plain
    }
    const compat = this.#handOver(parts, opts, flags)
    this.#engine.touch()
    if (compat) this.writeByJavaScript(packet, encoded, flags, this.idsAt(compat))
    return plain
  }

  /**
   * @param {any} packet
   * @returns its text, when its data is plain; what the encoder makes of it; and that in parts, when the engine may write it
   */
  prepare(packet) {
    const plain = this.#plainEncoder.encode(packet)
    const encoded = plain === null ? this.#encoder.encode(packet) : plain
    return { plain, encoded, parts: this.#clients.areObserved() ? null : splitPacket(encoded) }
  }

  /** Writes a packet by JavaScript. @param {any} packet @param {any} flags @param {Uint32Array} indexes of its recipients */
  deliverTo(packet, flags, indexes) {
    const encoded = this.#plainEncoder.encode(packet) ?? this.#encoder.encode(packet)
    this.writeByJavaScript(packet, encoded, flags, this.idsAt(indexes))
  }

  /** @param {Uint32Array} indexes @returns {SocketId[]} */
  idsAt(indexes) {
    return this.#membership.idsAt(indexes)
  }

  /** The engine's number of a room, or undefined. @param {Room} name */
  roomNumber(name) {
    this.#membership.settle()
    return this.rooms.numberOf(name)
  }

  /** Whether broadcasts of other servers may be written without the event loop. */
  nativeInbound() {
    return this.#plainEncoder.isStandard() && !this.#clients.areObserved()
  }

  get membership() {
    return this.#membership
  }

  /**
   * Hands a packet to the writers.
   * @param {{ text: string | null, attachments: Buffer[] | null }} parts
   * @param {BroadcastOptions} opts
   * @param {any} flags
   * @returns {Uint32Array | null | undefined} the recipients that JavaScript writes to, if any
   */
  #handOver({ text, attachments }, opts, flags) {
    const membership = this.#membership
    const { calls, tick } = this.#engine
    const bits = (flags.volatile ? FLAG.VOLATILE : 0) | (flags.compress === false ? FLAG.PLAIN : 0)
    const room = attachments === null && flags.conflate === undefined ? membership.only(opts) : undefined
    if (room !== undefined) return calls.broadcast(membership.namespace, text, bits, tick, room)
    const { ids, rooms, except } = membership.select(opts)
    if (rooms === 0 && opts.rooms.size > 0) return
    const { namespace } = membership
    return calls.broadcast(namespace, text, bits, tick, null, ids, rooms, except, attachments, flags.conflate)
  }

  /**
   * What {@link #handOver} tells the engine, for another of its functions; `nobody`: nobody is in the rooms that are meant.
   * @param {{ attachments: Buffer[] | null }} parts
   * @param {BroadcastOptions} opts
   * @param {any} flags
   */
  aim({ attachments }, opts, flags) {
    const bits = (flags.volatile ? FLAG.VOLATILE : 0) | (flags.compress === false ? FLAG.PLAIN : 0)
    const { ids, rooms, except } = this.#membership.select(opts)
    const nobody = rooms === 0 && opts.rooms.size > 0
    return { bits, tick: this.#engine.tick, nobody, to: [null, ids, rooms, except, attachments, flags.conflate] }
  }

  /**
   * Exactly what the stock adapter does for each recipient.
   * @param {any} packet
   * @param {any} whole what the encoder made of it, or its text
   * @param {any} flags
   * @param {SocketId[]} ids
   */
  writeByJavaScript(packet, whole, flags, ids) {
    const encoded = typeof whole === 'string' ? [whole] : whole
    const packetOpts = { preEncoded: true, volatile: flags.volatile, compress: flags.compress }
    encodeFrame?.call({ encoder: { encode: () => encoded } }, packet, packetOpts)
    for (const id of ids) {
      const socket = /** @type {any} */ (this.nsp.sockets?.get(id))
      if (!socket) continue
      if (typeof socket.notifyOutgoingListeners === 'function') socket.notifyOutgoingListeners(packet)
      socket.client.writeToEngine(encoded, packetOpts)
      // It has no key on its lane: were an older one replaced by a newer one, this one would come after both.
      if (flags.conflate) this.#engine.knownConnection(socket.conn)?.lane?.forgetKeys()
      this.#membership.reconsider(socket)
    }
  }

  /** @param {BroadcastOptions} opts @returns {SocketId[]} of the recipients, as they are now */
  idsOf(opts) {
    const { ids, rooms, except } = this.#membership.select(opts)
    if (rooms === 0 && opts.rooms.size > 0) return []
    if (rooms === 0 && except === 0) return [...this.sids.keys()]
    const indexes = this.#engine.native.recipients(this.#membership.namespace, ids, rooms, except)
    return this.#membership.idsAt(indexes)
  }

  /** @param {BroadcastOptions} opts @param {(socket: any) => void} callback with each connected recipient */
  #visit(opts, callback) {
    for (const id of this.idsOf(opts)) {
      const socket = this.nsp.sockets?.get(id)
      if (socket) callback(socket)
    }
  }

  /** @param {Set<Room>} rooms */
  sockets(rooms) {
    /** @type {Set<SocketId>} */
    const sids = new Set()
    this.#visit({ rooms }, (socket) => sids.add(socket.id))
    return Promise.resolve(sids)
  }

  /** @param {BroadcastOptions} opts */
  fetchSockets(opts) {
    /** @type {any[]} */
    const sockets = []
    this.#visit(opts, (socket) => sockets.push(socket))
    return Promise.resolve(sockets)
  }

  /** @param {BroadcastOptions} opts @param {Room[]} rooms */
  addSockets(opts, rooms) {
    this.#visit(opts, (socket) => socket.join(rooms))
  }

  /** @param {BroadcastOptions} opts @param {Room[]} rooms */
  delSockets(opts, rooms) {
    this.#visit(opts, (socket) => rooms.forEach((room) => socket.leave(room)))
  }

  /** @param {BroadcastOptions} opts @param {boolean} close */
  disconnectSockets(opts, close) {
    this.#visit(opts, (socket) => socket.disconnect(close))
  }

  #recoveryLog() {
    if (this.#recovery !== undefined) return this.#recovery
    const options = /** @type {any} */ (this.nsp.server).opts?.connectionStateRecovery
    this.#recovery = options ? new Recovery(options.maxDisconnectionDuration) : null
    return this.#recovery
  }

  /** @param {any} session */
  persistSession(session) {
    this.#recoveryLog()?.persist(session)
  }

  /** @param {string} pid @param {string} offset @returns {any} */
  restoreSession(pid, offset) {
    const session = this.#recoveryLog()?.restore(pid, offset) ?? null
    return session && Promise.resolve(session)
  }
}

module.exports = { NativeAdapter }
