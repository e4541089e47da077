// @ts-check
'use strict'

/**
 * Who is in which room of one namespace. The sets are in the engine; the names of rooms and sockets are here, each with
 * the engine's number for it: a string crosses to Rust once in its life.
 */

const { CHANGE, Changes } = require('./changes')
const { membersOf, roomsOf } = require('./membership-views')
const { RoomNumbers } = require('./room-numbers')
const { MapView } = require('./rooms-view')
const { Selection, onlyRoom } = require('./selection')
const { SpareIndexes } = require('./spare-indexes')
const { isHeard, isObserved } = require('./listeners')
const { unwatchOutgoing, watchOutgoing } = require('./outgoing')

/** @typedef {import('socket.io-adapter').Room} Room */
/** @typedef {import('socket.io-adapter').SocketId} SocketId */

/** Answers to leaving a room. */
const LEFT = { NOT_MEMBER: 0, LAST: 2 }

class Membership {
  /** @type {MapView<Room, SocketId>} A room's name → its number. */
  rooms
  /** @type {MapView<SocketId, Room>} A socket's id → its index. */
  sids

  /** How many rooms were made. */
  made = 0
  #adapter
  #engine
  #native
  /** The engine's number of the namespace, while it has rooms or sockets. @type {number | undefined} */
  #namespace
  #numbers = new RoomNumbers()
  #indexes
  #changes = new Changes((words, count, names) => this.#apply(words, count, names))
  /** By index. @type {(SocketId | undefined)[]} */
  #ids = []
  #closed = false
  /** The sockets whose packets JavaScript has to see. @type {Set<SocketId>} */
  #observed = new Set()
  #selection = new Selection()

  /**
   * @param {import('./adapter').NativeAdapter} adapter
   * @param {import('./engine').Engine} engine
   */
  constructor(adapter, engine) {
    this.#adapter = adapter
    this.#engine = engine
    this.#native = engine.native
    this.#indexes = new SpareIndexes(engine)
    this.rooms = new MapView(this.settle, (name) => membersOf(this, this.#native, name))
    // A socket appears and goes here first.
    this.sids = new MapView(() => {}, (id) => roomsOf(this, this.#native, id))
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
    this.settle()
    this.#indexes.close()
    this.#native.closeNamespace(this.#namespace)
    this.#namespace = undefined
  }

  /** Tells the engine of the latest changes. */
  settle = () => this.#changes.flush()

  /**
   * Tells the engine of changes, and drops the rooms that nobody is in any more.
   * @param {Uint32Array} words
   * @param {number} count
   * @param {string} names
   */
  #apply(words, count, names) {
    const answer = this.#engine.calls.apply(this.namespace, words, count, names)
    if (!answer) return
    const begun = answer[0]
    for (let i = 1; i < answer.length; i++) {
      const room = answer[i]
      const name = /** @type {Room} */ (this.#numbers.nameOf(room))
      this.rooms.take(name, [])
      // It ended and began anew: with the stock adapter it is behind the others now.
      if (i <= begun) this.rooms.put(name, room)
      else this.#numbers.giveBack(room)
    }
  }

  /** @param {SocketId} id @param {Set<Room>} rooms */
  addAll(id, rooms) {
    const index = this.#admit(id)
    if (isHeard(this.#adapter, 'create-room', 'join-room')) return this.#addAllHeard(id, rooms)
    for (const name of rooms) {
      this.#changes.push(CHANGE.JOIN, index, this.rooms.numberOf(name) ?? this.#createRoom(name))
    }
  }

  /** @param {SocketId} id @param {Set<Room>} rooms */
  #addAllHeard(id, rooms) {
    for (const name of rooms) {
      this.settle()
      if (this.rooms.numberOf(name) === undefined) {
        this.#createRoom(name)
        this.#adapter.emit('create-room', name)
      }
      const index = this.sids.numberOf(id)
      // A handler may have disconnected the socket, or emptied the room by leaving it.
      if (index === undefined) return
      this.settle()
      const room = this.rooms.numberOf(name) ?? this.#createRoom(name)
      this.settle()
      if (this.#native.join(this.namespace, index, room)) this.#adapter.emit('join-room', name, id)
    }
  }

  /** @param {SocketId} id @param {Room} name */
  del(id, name) {
    if (isHeard(this.#adapter, 'leave-room', 'delete-room')) return this.#delHeard(id, name)
    const index = this.sids.numberOf(id)
    const room = this.rooms.numberOf(name)
    if (index !== undefined && room !== undefined) this.#changes.push(CHANGE.LEAVE, index, room)
  }

  /** @param {SocketId} id @param {Room} name */
  #delHeard(id, name) {
    this.settle()
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
    const heard = isHeard(this.#adapter, 'leave-room', 'delete-room')
    const rooms = heard || this.sids.isViewed(id) ? this.sids.get(id) : undefined
    const names = [...(rooms ?? [])]
    if (heard) {
      // To handlers the socket has all its rooms until the end, as with the stock adapter.
      rooms?.freeze(names)
      for (const name of names) this.#delHeard(id, name)
      // A handler may have done the same meanwhile.
      if (this.sids.numberOf(id) !== index) return
      this.#exitHeard(index)
    } else {
      this.#changes.push(CHANGE.EXIT, index, 0)
    }
    this.sids.take(id, names)
    this.#release(id, index)
    this.#closeWhenEmpty()
  }

  /** Out of the rooms that handlers made it join. @param {number} index */
  #exitHeard(index) {
    this.settle()
    const left = this.#native.exit(this.namespace, index)
    for (let i = 0; i < left.length; i += 2) {
      if (left[i + 1] === LEFT.LAST) this.#removeRoom(/** @type {Room} */ (this.#numbers.nameOf(left[i])), left[i])
    }
  }

  /** @param {Room} name */
  #createRoom(name) {
    this.made++
    const room = this.#numbers.take(name)
    this.rooms.put(name, room)
    this.#changes.create(room, name)
    return room
  }

  /** @param {Room} name @param {number} room */
  #removeRoom(name, room) {
    this.settle()
    if (this.rooms.numberOf(name) !== room) return
    this.#changes.push(CHANGE.REMOVE, room, 0)
    this.settle()
    if (this.rooms.numberOf(name) === undefined) this.#adapter.emit('delete-room', name)
  }

  /**
   * Gives a socket an index: that of its connection once it is connected, one of its own before (it joined in a middleware)
   * and for what is not a socket of a connection.
   * @param {SocketId} id
   * @returns {number}
   */
  #admit(id) {
    const index = this.sids.numberOf(id)
    if (index !== undefined && this.#engine.connectionAt(index)) return index
    const socket = /** @type {any} */ (this.#adapter.nsp.sockets?.get(id))
    const conn = socket?.client?.conn
    const connection = conn?.transport && this.#engine.connectionOf(conn)
    // A client that connects twice on one connection has a second socket there: JavaScript writes to it.
    const free = connection && !connection.has(this.#adapter)
    const given = free ? connection.index : index ?? this.#indexes.take()
    if (given === index) return given
    this.sids.put(id, given)
    this.#ids[given] = id
    if (index === undefined) {
      this.#changes.push(CHANGE.ENTER, given, 1)
    } else {
      this.#changes.push(CHANGE.REBIND, index, given)
      this.#indexes.giveBack(index)
      this.#ids[index] = undefined
    }
    if (!free) return given
    connection.attach(this.#adapter)
    watchOutgoing(socket, this)
    this.refresh(connection)
    return given
  }

  /** @param {SocketId} id @param {number} index */
  #release(id, index) {
    this.#ids[index] = undefined
    const connection = this.#engine.connectionAt(index)
    if (!connection) return this.#indexes.giveBack(index)
    const socket = /** @type {any} */ (this.#adapter.nsp.sockets?.get(id))
    if (socket) unwatchOutgoing(socket)
    this.#observed.delete(id)
    connection.detach(this.#adapter)
  }

  /** A socket gets an outgoing listener: JavaScript writes next, and looks again. @param {any} socket */
  observe({ id }) {
    const index = this.sids.numberOf(id)
    if (index === undefined) return
    this.#observed.add(id)
    this.#changes.push(CHANGE.COMPAT, index, 1)
  }

  /** The socket of a connection in this namespace. @param {import('./connection').Connection} connection */
  idOf(connection) {
    return this.#ids[connection.index]
  }

  /** Sets who writes to a socket. @param {import('./connection').Connection} connection */
  refresh(connection) {
    const id = this.#ids[connection.index]
    if (id === undefined) return
    const socket = this.#adapter.nsp.sockets?.get(id)
    const observed = socket !== undefined && isObserved(socket)
    if (observed) this.#observed.add(id)
    else this.#observed.delete(id)
    this.#changes.push(CHANGE.COMPAT, connection.index, observed || connection.needsJavaScript ? 1 : 0)
  }

  /** JavaScript has written to a socket: is there still a reason to? Listeners end without notice. @param {any} socket */
  reconsider(socket) {
    if (!this.#observed.has(socket.id) || isObserved(socket)) return
    const connection = this.#engine.connectionAt(/** @type {number} */ (this.sids.numberOf(socket.id)))
    if (connection) this.#adapter.refresh(connection)
  }

  /** The one room that a call names, if that is all. @param {{ rooms: Set<Room>, except?: Set<Room> }} opts */
  only(opts) {
    this.settle()
    return onlyRoom(this.rooms, opts)
  }

  /** The rooms that a call names, for the engine. @param {{ rooms: Set<Room>, except?: Set<Room> }} opts */
  select(opts) {
    this.settle()
    return this.#selection.of(this.rooms, opts)
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

  /** @param {Uint32Array} rooms @returns {Room[]} */
  namesAt(rooms) {
    return Array.from(rooms, (room) => /** @type {Room} */ (this.#numbers.nameOf(room)))
  }
}

module.exports = { Membership }
