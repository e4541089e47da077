// @ts-check
'use strict'

/**
 * Who is in which room of one namespace. The sets are in the engine; the names of rooms and sockets are here, each with
 * the engine's number for it: a string crosses to Rust once in its life.
 */

const { MapView, SetView } = require('./rooms-view')
const { isClientPatched } = require('./lane-support')
const { hasOutgoing, unwatchOutgoing, watchOutgoing } = require('./outgoing')

/** @typedef {import('socket.io-adapter').Room} Room */
/** @typedef {import('socket.io-adapter').SocketId} SocketId */

/** The engine's answer to leaving a room. */
const LEFT = { NOT_MEMBER: 0, LAST: 2 }

class Membership {
  /** @type {MapView<Room, SocketId>} A room's name → its number. */
  rooms
  /** @type {MapView<SocketId, Room>} A socket's id → its index. */
  sids

  #adapter
  #engine
  #native
  /** The engine's number of the namespace, while it has rooms or sockets. @type {number | undefined} */
  #namespace
  /** By number. @type {(Room | undefined)[]} */
  #roomNames = []
  /** By index. @type {(SocketId | undefined)[]} */
  #ids = []
  #closed = false
  /** The sockets whose packets JavaScript has to see. @type {Set<SocketId>} */
  #observed = new Set()
  /** Numbers of the rooms that a call names; grows when needed. */
  #selection = new Uint32Array(16)

  /**
   * @param {import('./adapter').NativeAdapter} adapter
   * @param {import('./engine').Engine} engine
   */
  constructor(adapter, engine) {
    this.#adapter = adapter
    this.#engine = engine
    this.#native = engine.native
    this.rooms = new MapView((name) => this.#membersOf(name))
    this.sids = new MapView((id) => this.#roomsOf(id))
  }

  get namespace() {
    return (this.#namespace ??= this.#native.openNamespace())
  }

  close() {
    this.#closed = true
    this.#closeWhenEmpty()
  }

  /** A handler of "disconnect" may run after the adapter is closed, and join or leave. */
  #closeWhenEmpty() {
    if (!this.#closed || this.sids.size > 0 || this.#namespace === undefined) return
    this.#native.closeNamespace(this.#namespace)
    this.#namespace = undefined
  }

  /** @param {SocketId} id @param {Set<Room>} rooms */
  addAll(id, rooms) {
    this.#admit(id)
    for (const name of rooms) {
      let room = this.rooms.numberOf(name)
      if (room === undefined) {
        room = this.#createRoom(name)
        this.#adapter.emit('create-room', name)
      }
      const index = this.sids.numberOf(id)
      // A handler may have disconnected the socket, or emptied the room by leaving it.
      if (index === undefined) return
      room = this.rooms.numberOf(name) ?? this.#createRoom(name)
      if (this.#native.join(this.namespace, index, room)) this.#adapter.emit('join-room', name, id)
    }
  }

  /** @param {SocketId} id @param {Room} name */
  del(id, name) {
    const index = this.sids.numberOf(id)
    const room = this.rooms.numberOf(name)
    if (index === undefined || room === undefined) return
    const left = this.#native.leave(this.namespace, index, room)
    if (left === LEFT.NOT_MEMBER) return
    this.#adapter.emit('leave-room', name, id)
    if (left === LEFT.LAST) this.#removeRoom(name, room)
  }

  /** @param {SocketId} id */
  delAll(id) {
    const index = this.sids.numberOf(id)
    if (index === undefined) return
    const listened = this.#adapter.listenerCount('leave-room') > 0 || this.#adapter.listenerCount('delete-room') > 0
    const rooms = listened || this.sids.isViewed(id) ? this.sids.get(id) : undefined
    const names = [...(rooms ?? [])]
    if (listened) {
      // To handlers the socket has all its rooms until the end, as with the stock adapter.
      rooms?.freeze(names)
      for (const name of names) this.del(id, name)
    }
    // A handler may have done the same meanwhile.
    if (this.sids.numberOf(id) !== index) return
    const left = this.#native.exit(this.namespace, index)
    for (let i = 0; i < left.length; i += 2) {
      const name = /** @type {Room} */ (this.#roomNames[left[i]])
      if (left[i + 1] === LEFT.LAST) this.#removeRoom(name, left[i])
    }
    this.sids.take(id, names)
    this.#release(id, index)
    this.#closeWhenEmpty()
  }

  /** @param {Room} name */
  #createRoom(name) {
    const room = this.#createNativeRoom(name)
    this.rooms.put(name, room)
    this.#roomNames[room] = name
    return room
  }

  /** @param {unknown} name @returns {number} */
  #createNativeRoom(name) {
    if (typeof name === 'string' && isWellFormed(name)) return this.#native.createTextRoom(this.namespace, name)
    // A Map takes 0 and -0, and NaN and NaN, for the same.
    if (typeof name === 'number') return this.#native.createNumberRoom(this.namespace, name === 0 ? 0 : name)
    return this.#native.createOpaqueRoom(this.namespace)
  }

  /** @param {Room} name @param {number} room */
  #removeRoom(name, room) {
    if (this.rooms.numberOf(name) !== room || !this.#native.removeIfEmpty(this.namespace, room)) return
    this.rooms.take(name, [])
    this.#roomNames[room] = undefined
    this.#adapter.emit('delete-room', name)
  }

  /**
   * Gives a socket an index: that of its connection once it is connected, one of its own before (it joined in a middleware)
   * and for what is not a socket of a connection.
   * @param {SocketId} id
   */
  #admit(id) {
    const index = this.sids.numberOf(id)
    if (index !== undefined && this.#engine.connectionAt(index)) return
    const socket = /** @type {any} */ (this.#adapter.nsp.sockets?.get(id))
    const conn = socket?.client?.conn
    const connection = conn?.transport && this.#engine.connectionOf(conn)
    // A client that connects twice to a namespace on one connection has a second socket there: JavaScript writes to it.
    const free = connection && !connection.has(this.#adapter)
    if (index === undefined) {
      const given = free ? connection.index : this.#native.takeIndex()
      this.#native.enter(this.namespace, given, true)
      this.sids.put(id, given)
      this.#ids[given] = id
    } else if (free) {
      this.#native.rebind(this.namespace, index, connection.index, true)
      this.#native.giveIndexBack(index)
      this.#ids[index] = undefined
      this.sids.put(id, connection.index)
      this.#ids[connection.index] = id
    }
    if (!free) return
    connection.attach(this.#adapter)
    watchOutgoing(socket, () => this.#observe(id, connection.index))
    this.refresh(connection)
  }

  /** @param {SocketId} id @param {number} index */
  #release(id, index) {
    this.#ids[index] = undefined
    const connection = this.#engine.connectionAt(index)
    if (!connection) return this.#native.giveIndexBack(index)
    const socket = /** @type {any} */ (this.#adapter.nsp.sockets?.get(id))
    if (socket) unwatchOutgoing(socket)
    this.#observed.delete(id)
    connection.detach(this.#adapter)
  }

  /**
   * A socket gets an outgoing listener: Socket.IO sets an empty list, then adds to it. JavaScript writes next, and looks again.
   * @param {SocketId} id
   * @param {number} index
   */
  #observe(id, index) {
    this.#observed.add(id)
    this.#native.setCompat(this.namespace, index, true)
  }

  /** Sets who writes to a socket. @param {import('./connection').Connection} connection */
  refresh(connection) {
    const id = this.#ids[connection.index]
    if (id === undefined) return
    const socket = this.#adapter.nsp.sockets?.get(id)
    const observed = socket !== undefined && isObserved(socket)
    if (observed) this.#observed.add(id)
    else this.#observed.delete(id)
    this.#native.setCompat(this.namespace, connection.index, observed || connection.needsJavaScript)
  }

  /** JavaScript has written to a socket: is there still a reason to? Listeners end without notice. @param {any} socket */
  reconsider(socket) {
    if (!this.#observed.has(socket.id) || isObserved(socket)) return
    const connection = this.#engine.connectionAt(/** @type {number} */ (this.sids.numberOf(socket.id)))
    if (connection) this.refresh(connection)
  }

  /**
   * The numbers of the rooms that a call names, for the engine: those of `rooms` that exist, then those of `except`.
   * @param {{ rooms: Set<Room>, except?: Set<Room> }} opts
   */
  select({ rooms, except }) {
    const most = rooms.size + (except?.size ?? 0)
    if (most > this.#selection.length) this.#selection = new Uint32Array(most * 2)
    const ids = this.#selection
    const included = this.#number(rooms, ids, 0)
    const all = except === undefined ? included : this.#number(except, ids, included)
    return { ids, rooms: included, except: all - included }
  }

  /**
   * @param {Set<Room>} names
   * @param {Uint32Array} into
   * @param {number} at
   */
  #number(names, into, at) {
    for (const name of names) {
      const room = this.rooms.numberOf(name)
      if (room !== undefined) into[at++] = room
    }
    return at
  }

  /** @param {Uint32Array} indexes @returns {SocketId[]} */
  idsAt(indexes) {
    const ids = []
    for (const index of indexes) {
      const id = this.#ids[index]
      if (id !== undefined) ids.push(id)
    }
    return ids
  }

  /** @param {number} index */
  #roomNamesOf(index) {
    return Array.from(this.#native.roomsOf(this.namespace, index), (room) => /** @type {Room} */ (this.#roomNames[room]))
  }

  /** The members of a room, as long as it exists. @param {Room} name @returns {SetView<SocketId>} */
  #membersOf(name) {
    const native = this.#native
    const room = () => /** @type {number} */ (this.rooms.numberOf(name))
    return new SetView({
      size: () => native.memberCount(this.namespace, room()),
      has: (id) => {
        const index = this.sids.numberOf(id)
        return index !== undefined && native.isMember(this.namespace, index, room())
      },
      list: () => this.idsAt(native.members(this.namespace, room())),
    })
  }

  /** The rooms of a socket, as long as it is here. @param {SocketId} id @returns {SetView<Room>} */
  #roomsOf(id) {
    const native = this.#native
    const index = () => /** @type {number} */ (this.sids.numberOf(id))
    return new SetView({
      size: () => native.roomCountOf(this.namespace, index()),
      has: (name) => {
        const room = this.rooms.numberOf(name)
        return room !== undefined && native.isMember(this.namespace, index(), room)
      },
      list: () => this.#roomNamesOf(index()),
    })
  }
}

/** Whether JavaScript has to see the packets of a socket: it has outgoing listeners, or a tool replaced its methods. @param {any} socket */
function isObserved(socket) {
  return hasOutgoing(socket) || Object.hasOwn(socket, 'notifyOutgoingListeners') || isClientPatched(socket.client)
}

/** @param {string} text @returns {boolean} whether it has no lone surrogate, so that UTF-8 holds it */
function isWellFormed(text) {
  return /** @type {any} */ (text).isWellFormed()
}

module.exports = { Membership }
