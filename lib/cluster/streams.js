// @ts-check
'use strict'

/**
 * The adapter of one namespace in mode "streams". If the server has connection state recovery, a packet has an offset, the id of its
 * entry in the stream. So it is written when the entry has come back, and everything that follows it waits behind it: the engine
 * keeps this order for its lanes, and tells here when it is the turn of what JavaScript writes.
 */

const { ClusterAdapter } = require('./adapter')
const { plainOptions } = require('./broadcast-options')
const { Later } = require('./later')
const { readMissed, readSession } = require('./missed')
const { orderSocket } = require('./ordered')
const { Pauses } = require('./pauses')
const { Returning } = require('./returning')
const { Sessions } = require('./sessions')

/** @typedef {import('../adapter').BroadcastOptions} BroadcastOptions */
/** @typedef {import('socket.io-adapter').Room} Room */
/** Bits of `src/recovery.rs`. */
const HOW = { PUBLISH: 1, RECOVERABLE: 2, NATIVE: 4, NOBODY: 8 }

const EVENT = 2

/** What is appended when no offset is known: no entry has it, so its client begins anew should it come back. */
const NO_OFFSET = '0-0'

class StreamsAdapter extends ClusterAdapter {
  #later = new Later()
  #nextToken = 0
  /** Of a server with recovery. @type {Sessions | null} */
  #sessions = null
  #returning = new Returning()
  #pauses = new Pauses(this.cluster.calls, this.slot)

  /**
   * @param {any} nsp
   * @param {import('../engine').Engine} engine
   */
  constructor(nsp, engine) {
    super(nsp, engine)
    const recovery = nsp.server.opts?.connectionStateRecovery
    if (!recovery) return
    const { sessionKeyPrefix } = /** @type {import('./stream-options').StreamSettings} */ (this.cluster.settings.streams)
    this.#sessions = new Sessions(nsp, sessionKeyPrefix, recovery.maxDisconnectionDuration, (sessions) => {
      this.cluster.calls.save(sessions)
      this.cluster.touch()
    })
  }

  close() {
    // The engine's share is written by leaving. What comes later waits for nothing.
    this.#later.releaseAll()
    this.#sessions?.close()
    this.#sessions = null
    super.close()
  }

  /** @param {any} packet @param {BroadcastOptions} opts */
  broadcast(packet, opts) {
    if (!this.#sessions) return super.broadcast(packet, opts)
    packet.nsp = this.nsp.name
    const { local, volatile } = opts.flags ?? {}
    // One socket's acknowledgement: the other servers do not have that socket.
    const publish = !local && packet.id === undefined
    const recoverable = publish && packet.type === EVENT && volatile === undefined
    this.#issue(packet, opts, (publish ? HOW.PUBLISH : 0) | (recoverable ? HOW.RECOVERABLE : 0))
  }

  /** @param {any} packet @param {BroadcastOptions} opts @param {() => void} [afterEncoding] @returns {string | null} */
  deliver(packet, opts, afterEncoding) {
    if (!this.#sessions) return super.deliver(packet, opts, afterEncoding)
    this.#issue(packet, opts, 0, afterEncoding)
    return null
  }

  /**
   * @param {any} packet
   * @param {BroadcastOptions} opts
   * @param {number} how
   * @param {() => void} [afterEncoding]
   * @param {() => void} [writeByItself] in place of what the stock adapter does
   */
  #issue(packet, opts, how, afterEncoding, writeByItself) {
    const { plain, encoded, parts } = this.prepare(packet)
    afterEncoding?.()
    const flags = opts.flags ?? {}
    const native = parts !== null && parts.text !== null && (plain !== null || this.nativeInbound())
    const text = native ? parts.text : plain
    const [room, options, payload] = how & HOW.PUBLISH ? this.#message(packet, opts, plain) : [null, null, null]
    const { bits, tick, nobody, to } = native ? this.aim(parts, opts, flags) : { bits: 0, tick: 0, nobody: false, to: [null] }
    const whole = how | (native ? HOW.NATIVE : 0) | (nobody ? HOW.NOBODY : 0)
    const token = this.#nextToken
    this.#nextToken = (token + 1) >>> 0
    const { cluster, slot } = this
    const { namespace } = this.membership
    const share = cluster.calls.issue(slot, whole, text, payload, room, options, token, namespace, bits, tick, ...to)
    cluster.touch()
    if (share === null) return
    const named = native ? this.idsAt(share.subarray(1)) : this.idsOf(opts)
    // Not for who is about to be connected: it catches up.
    const ids = named.filter((id) => this.nsp.sockets?.has(id))
    const write = (offset = how & HOW.RECOVERABLE ? NO_OFFSET : undefined) => {
      if (writeByItself) return ids.length > 0 && writeByItself()
      this.writeByJavaScript(packet, offset === undefined ? encoded : this.#append(packet, encoded, offset), flags, ids)
    }
    if (share[0] === 0 && this.#later.isEmpty) write()
    else this.#later.push({ token: share[0] === 1 ? token : null, ids, native, write })
  }

  /**
   * A message for the other servers: for one room, or as JSON options say; its payload, unless its text is that.
   * @param {any} packet
   * @param {BroadcastOptions} opts
   * @param {string | null} plain
   * @returns {[string | null, string | null, string | Buffer | null]}
   */
  #message(packet, opts, plain) {
    const { rooms, except, flags } = opts
    const only = rooms.size === 1 ? rooms.values().next().value : undefined
    const named = typeof only === 'string'
    const simple = (rooms.size === 0 || named) && !except?.size && Object.keys(flags ?? {}).length === 0
    const whole = plainOptions(opts)
    const payload = plain === null ? this.format.writeBroadcast(packet, whole) : null
    return [named ? /** @type {string} */ (only) : null, simple ? null : JSON.stringify(whole), payload]
  }

  /** @param {any} packet @param {any} encoded @param {string} offset */
  #append(packet, encoded, offset) {
    packet.data.push(offset)
    const tail = (/** @type {string} */ text) => `${text.slice(0, -1)},"${offset}"]`
    if (typeof encoded === 'string') return tail(encoded)
    const standard = Array.isArray(encoded) && typeof encoded[0] === 'string' && this.nativeInbound()
    return standard ? [tail(encoded[0]), ...encoded.slice(1)] : this.prepare(packet).encoded
  }

  /** It is the turn of a packet. @param {number} token @param {string | null} offset */
  released(token, offset) {
    this.#later.release(token, offset ?? undefined)
  }

  /** @param {string} id @param {Set<Room>} rooms */
  addAll(id, rooms) {
    const socket = this.#sessions ? /** @type {any} */ (this.nsp.sockets?.get(id)) : undefined
    if (!socket) return super.addAll(id, rooms)
    orderSocket(socket, this)
    const ticket = this.#returning.take(id)
    if (ticket === undefined) super.addAll(id, rooms)
    else this.#addAgain(socket, rooms, ticket)
    this.#sessions?.changed(socket)
  }

  /** @param {string} id @param {Room} room */
  del(id, room) {
    super.del(id, room)
    const socket = this.#sessions && this.nsp.sockets?.get(id)
    if (socket) this.#sessions?.changed(socket)
  }

  /** @param {string} id */
  delAll(id) {
    if (this.#sessions) {
      const socket = /** @type {any} */ (this.nsp.sockets?.get(id))
      if (socket?.conn.readyState === 'open') this.flushFor(socket)
      this.#sessions.gone(id)
    }
    super.delAll(id)
  }

  /** What waits for a socket is written now. @param {any} socket */
  flushFor({ id }) {
    const index = this.sids.numberOf(id)
    if (index !== undefined) this.cluster.calls.flushFor(this.slot, index)
    this.#later.flushFor(id)
  }

  /** Whether packets wait. */
  get waits() {
    return !this.#later.isEmpty || this.cluster.calls.waits(this.slot)
  }

  /** A packet past the adapter has its turn behind what waits. @param {any} socket @param {any} packet @param {any} opts @param {any} write */
  behind(socket, packet, opts, write) {
    packet.nsp = this.nsp.name
    const to = { rooms: new Set([socket.id]), flags: { compress: opts?.compress } }
    this.#issue(packet, to, 0, undefined, () => write.call(socket, packet, opts))
  }

  /** @param {any} session */
  persistSession(session) {
    this.#sessions?.persist(session)
  }

  /** @param {string} pid @param {string} offset @returns {any} null: it begins anew */
  restoreSession(pid, offset) {
    return this.#sessions && this.#restore(pid, offset)
  }

  /** @param {string} pid @param {string} offset */
  async #restore(pid, offset) {
    // Its client says so: it may be anything.
    if (!/^[\w-]{20}$/.test(pid)) return null
    const { sessionKeyPrefix } = /** @type {import('./stream-options').StreamSettings} */ (this.cluster.settings.streams)
    const { ticket, found } = this.cluster.restore(this.slot, sessionKeyPrefix + pid, offset)
    const event = await found
    if (!event?.payload || !event.missed) return null
    const session = readSession(event.payload, pid, this.nsp.name)
    if (!session) return null
    const { sid } = session
    const old = /** @type {any} */ (this.nsp.sockets?.get(sid))
    if (old) {
      // Its client knows that this connection is lost, the server does not yet.
      old._onclose('transport close')
      old.conn.close()
    }
    this.#returning.expect(sid, ticket)
    return { ...session, missedPackets: readMissed(event.missed) }
  }

  /**
   * A socket whose session was restored is connected, and gets what came since. No entry is handled meanwhile.
   * @param {any} socket
   * @param {Set<Room>} rooms
   * @param {number} ticket
   */
  #addAgain(socket, rooms, ticket) {
    const { id } = socket
    this.#pauses.during(() => {
      super.addAll(id, rooms)
      const room = this.roomNumber(id)
      if (room !== undefined) this.#catchUp(socket, ticket, room)
    })
  }

  /** @param {any} socket @param {number} ticket @param {number} room its own */
  #catchUp(socket, ticket, room) {
    const { id } = socket
    const missed = this.cluster.calls.catchUp(this.slot, ticket, this.membership.namespace, room)
    for (const data of readMissed(missed)) socket.packet({ type: EVENT, data })
    if (missed.tooEarly) this.#sendAway(socket)
    this.#later.add(missed.tokens, id)
    this.cluster.afterwards(this.#returning.connected(socket, ticket, missed.until))
  }

  /**
   * What others got before a socket was here is not in the stream yet: its client comes back again. Until it is gone no entry is handled: with
   * the offset of a later one, it would not ask for that.
   * @param {any} socket
   */
  #sendAway(socket) {
    this.#pauses.begin()
    // It is not connected yet.
    setImmediate(() => {
      socket.conn.close()
      this.#pauses.end()
    })
  }

  /** The engine writes to a connection from now on: what waits for its socket, too, or what follows would overtake it. @param {import('../connection').Connection} connection */
  handOver(connection) {
    const id = this.#sessions && this.membership.idOf(connection)
    const socket = id && this.nsp.sockets?.get(id)
    if (!socket) return super.handOver(connection)
    this.#pauses.during(() => {
      const tokens = Uint32Array.from(this.#later.adoptable(id))
      const ticket = this.#returning.ticketOf(socket)
      const { calls } = this.cluster
      // What was let go is on its way to JavaScript, which writes it first.
      const ready = !this.#later.isBehind(id) && calls.adoptable(this.slot, tokens, ticket, this.#returning.writtenTo(ticket))
      if (!ready && this.awaitTurn(connection)) return
      super.handOver(connection)
      const room = this.roomNumber(id)
      if (room === undefined || !calls.adopt(this.slot, tokens, ticket, this.membership.namespace, room)) return
      this.#later.remove([...tokens], id)
    })
  }

  /** @param {any} packet @param {BroadcastOptions} opts @param {string | undefined} offset */
  deliverRemote(packet, opts, offset) {
    // Who came back since it was read has it.
    if (offset !== undefined) for (const id of this.#returning.having(offset)) opts.except?.add(id)
    super.deliverRemote(packet, opts, offset)
  }

  /** @param {number} ticket @param {any[]} encoded */
  writeLate(ticket, encoded) {
    this.#returning.writeLate(ticket, encoded)
  }
}

module.exports = { StreamsAdapter }
