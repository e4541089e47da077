// @ts-check
'use strict'

/**
 * Who comes and goes in a namespace: one set of listeners, however many look. The events of the adapter tell of rooms, so that any
 * adapter will do; what a socket is in is looked at when the tick has ended, once for all its rooms.
 */

/**
 * @typedef {object} Observer
 * @property {import('./target').Target} target
 * @property {(socket: any) => void} look a socket is connected, or its rooms have changed
 * @property {(socket: any) => void} gone a socket that was followed is disconnected
 */

/** @type {WeakMap<object, NamespaceWatch>} */
const WATCHES = new WeakMap()

class NamespaceWatch {
  #nsp
  /** @type {any} */
  #adapter
  /** @type {Set<Observer>} */
  #observers = new Set()
  /** How many look at a room. @type {Map<string, number>} */
  #rooms = new Map()
  /** The ids of sockets to look at. @type {Set<string>} */
  #changed = new Set()
  /** What listens to a socket's end. @type {Map<any, () => void>} */
  #followed = new Map()

  /** @param {any} nsp */
  constructor(nsp) {
    this.#nsp = nsp
  }

  /** @param {any} nsp @returns {NamespaceWatch} */
  static of(nsp) {
    let watch = WATCHES.get(nsp)
    if (!watch) WATCHES.set(nsp, (watch = new NamespaceWatch(nsp)))
    return watch
  }

  /** @param {Observer} observer */
  add(observer) {
    if (this.#observers.size === 0) {
      this.#nsp.on('connection', this.#onConnection)
      this.#listen()
    }
    this.#observers.add(observer)
    for (const room of roomsOf(observer)) this.#rooms.set(room, (this.#rooms.get(room) ?? 0) + 1)
  }

  /** @param {Observer} observer */
  remove(observer) {
    if (!this.#observers.delete(observer)) return
    for (const room of roomsOf(observer)) {
      const left = (this.#rooms.get(room) ?? 1) - 1
      if (left === 0) this.#rooms.delete(room)
      else this.#rooms.set(room, left)
    }
    if (this.#observers.size > 0) return
    this.#nsp.off('connection', this.#onConnection)
    this.#listenNoMore()
    for (const [socket, listener] of this.#followed) socket.off('disconnect', listener)
    this.#followed.clear()
  }

  /** Tells when a socket is disconnected. @param {any} socket */
  follow(socket) {
    if (this.#followed.has(socket)) return
    const listener = () => {
      this.#followed.delete(socket)
      for (const observer of [...this.#observers]) observer.gone(socket)
    }
    this.#followed.set(socket, listener)
    socket.once('disconnect', listener)
  }

  #listen() {
    this.#adapter = this.#nsp.adapter
    this.#adapter.on('join-room', this.#onRoom)
    this.#adapter.on('leave-room', this.#onRoom)
  }

  #listenNoMore() {
    this.#adapter.off('join-room', this.#onRoom)
    this.#adapter.off('leave-room', this.#onRoom)
  }

  #onConnection = (/** @type {any} */ socket) => {
    if (this.#nsp.adapter !== this.#adapter) {
      // io.adapter() was called later.
      this.#listenNoMore()
      this.#listen()
    }
    this.#lookAt(socket.id)
  }

  #onRoom = (/** @type {string} */ room, /** @type {string} */ id) => {
    if (this.#rooms.has(room)) this.#lookAt(id)
  }

  /** @param {string} id */
  #lookAt(id) {
    // Not now: a socket that is connecting has joined rooms before the client knows that it is connected.
    if (this.#changed.size === 0) process.nextTick(this.#look)
    this.#changed.add(id)
  }

  #look = () => {
    const ids = [...this.#changed]
    this.#changed.clear()
    for (const id of ids) {
      const socket = this.#nsp.sockets.get(id)
      if (socket) for (const observer of [...this.#observers]) observer.look(socket)
    }
  }
}

/** @param {Observer} observer */
function roomsOf({ target }) {
  return new Set([...target.rooms, ...target.except])
}

module.exports = { NamespaceWatch }
