// @ts-check
'use strict'

/** `createEmitter()`: broadcasts of a process without Socket.IO, to the clients of a cluster's servers. */

const { InvalidOptionError, NativeAdapterError } = require('../errors')
const { isPlain } = require('../packet')
const { EmitterLink, UID } = require('./emitter-link')
const { createFormat } = require('./format')
const { validateCluster } = require('./options')

/** @typedef {string | number} Room */

/** What Socket.IO's servers and sockets emit themselves. */
const RESERVED = new Set(['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'])
const RESERVED_FOR_SERVERS = new Set(['connect', 'connection', 'new_namespace'])
/** How long `flush()` and `close()` wait for Redis, in ms. */
const PATIENCE = 5000
/** An event that is broadcast. */
const EVENT = 2

/** Who is meant, and how. Each step gives another one. */
class EmitterOperator {
  /** @type {EmitterLink} */
  _link
  /** @type {string} */
  _nsp
  #settings
  /** @type {Set<Room>} */
  #rooms
  /** @type {Set<Room>} */
  #except
  /** @type {Record<string, any>} */
  #flags

  /**
   * @param {EmitterLink} link
   * @param {import('./options').ClusterSettings} settings
   * @param {string} nsp
   * @param {Set<Room>} [rooms]
   * @param {Set<Room>} [except]
   * @param {Record<string, any>} [flags]
   */
  constructor(link, settings, nsp, rooms = new Set(), except = new Set(), flags = {}) {
    this._link = link
    this._nsp = nsp
    this.#settings = settings
    this.#rooms = rooms
    this.#except = except
    this.#flags = flags
  }

  /** @param {{ rooms?: Set<Room>, except?: Set<Room>, flags?: Record<string, any> }} changed */
  #with({ rooms = this.#rooms, except = this.#except, flags = this.#flags }) {
    return new EmitterOperator(this._link, this.#settings, this._nsp, rooms, except, flags)
  }

  /** @param {Room | Room[]} room */
  to(room) {
    return this.#with({ rooms: added(this.#rooms, room) })
  }

  /** @param {Room | Room[]} room */
  in(room) {
    return this.to(room)
  }

  /** @param {Room | Room[]} room */
  except(room) {
    return this.#with({ except: added(this.#except, room) })
  }

  get volatile() {
    return this.#with({ flags: { ...this.#flags, volatile: true } })
  }

  /** @param {boolean} compress */
  compress(compress) {
    return this.#with({ flags: { ...this.#flags, compress } })
  }

  /** @param {string} event @param {any[]} args @returns {boolean} */
  emit(event, ...args) {
    refuse(event, args, RESERVED)
    const data = [event, ...args]
    const room = this.#rooms.size === 1 ? this.#rooms.values().next().value : undefined
    const name = room === undefined ? null : String(room)
    if (!isPlain(data)) {
      const packet = { type: EVENT, data, nsp: this._nsp }
      this._link.packet(this._nsp, this.#format().writeBroadcast(packet, this.#options()), name)
      return true
    }
    const text = (this._nsp === '/' ? '2' : `2${this._nsp},`) + JSON.stringify(data)
    // What says nothing but the room is written by the thread.
    let simple = this.#except.size === 0 && (typeof room === 'string' || this.#rooms.size === 0)
    for (const _ in this.#flags) simple = false
    this._link.broadcast(this._nsp, text, name, simple ? null : JSON.stringify(this.#options()))
    return true
  }

  /** @param {Room | Room[]} rooms */
  socketsJoin(rooms) {
    this.#request('join', { opts: this.#options(), rooms: listed(rooms) })
  }

  /** @param {Room | Room[]} rooms */
  socketsLeave(rooms) {
    this.#request('leave', { opts: this.#options(), rooms: listed(rooms) })
  }

  /** @param {boolean} [close] the connections, too */
  disconnectSockets(close = false) {
    this.#request('disconnect', { opts: this.#options(), close })
  }

  /** @param {string} event @param {any[]} args */
  serverSideEmit(event, ...args) {
    refuse(event, args, RESERVED_FOR_SERVERS)
    this.#request('serverSideEmit', { data: [event, ...args] })
  }

  /** @param {import('./format').RequestKind} kind @param {any} body */
  #request(kind, body) {
    this._link.request(this._nsp, this.#format().writeRequest(kind, body))
  }

  #format() {
    return createFormat(this.#settings, UID, this._nsp)
  }

  #options() {
    return { rooms: [...this.#rooms], except: [...this.#except], flags: this.#flags }
  }
}

class Emitter extends EmitterOperator {
  #settings

  /** @param {EmitterLink} link @param {import('./options').ClusterSettings} settings @param {string} nsp */
  constructor(link, settings, nsp) {
    super(link, settings, nsp)
    this.#settings = settings
  }

  /** @param {string} nsp */
  of(nsp) {
    return new Emitter(this._link, this.#settings, nsp.startsWith('/') ? nsp : `/${nsp}`)
  }

  /** @param {string} event @param {(...args: any[]) => void} listener */
  on(event, listener) {
    this._link.events.on(event, listener)
    return this
  }

  /** @param {string} event @param {(...args: any[]) => void} listener */
  once(event, listener) {
    this._link.events.once(event, listener)
    return this
  }

  /** @param {string} event @param {(...args: any[]) => void} listener */
  off(event, listener) {
    this._link.events.off(event, listener)
    return this
  }

  stats() {
    return this._link.stats()
  }

  /** @param {{ timeout?: number }} [options] @returns {Promise<void>} */
  flush({ timeout = PATIENCE } = {}) {
    return handled(this._link.flush(timeout))
  }

  /** @param {{ timeout?: number }} [options] @returns {Promise<void>} */
  close({ timeout = PATIENCE } = {}) {
    return handled(this._link.close(timeout))
  }
}

/** Who does not wait for it does not end by its error. @param {Promise<void>} promise */
function handled(promise) {
  promise.catch(() => {})
  return promise
}

/** @param {Room | Room[]} rooms */
function listed(rooms) {
  return Array.isArray(rooms) ? rooms : [rooms]
}

/** @param {Set<Room>} rooms @param {Room | Room[]} more */
function added(rooms, more) {
  const all = new Set(rooms)
  for (const room of listed(more)) all.add(room)
  return all
}

/** @param {unknown} event @param {unknown[]} args @param {Set<unknown>} reserved */
function refuse(event, args, reserved) {
  if (reserved.has(event)) {
    throw new NativeAdapterError('ERR_RESERVED_EVENT', `expected an event of your own, got "${event}": it is reserved by Socket.IO`)
  }
  if (typeof args[args.length - 1] === 'function') {
    throw new NativeAdapterError('ERR_NO_ACKNOWLEDGEMENTS', 'expected data, got a function: nobody answers an emitter')
  }
}

/**
 * @param {import('../..').EmitterOptions} options
 * @returns {import('../..').Emitter}
 */
function createEmitter(options) {
  const settings = validate(options)
  return /** @type {any} */ (new Emitter(new EmitterLink(settings), settings, '/'))
}

/** The rules of the option `cluster` of `createAdapter()`, where they apply. @param {any} options */
function validate(options) {
  if (options?.requestsTimeout !== undefined) {
    throw new InvalidOptionError('createEmitter: expected no requestsTimeout: nobody answers an emitter')
  }
  try {
    return validateCluster(options, { messages: 100_000, bytes: 64 * 1024 * 1024 })
  } catch (error) {
    const { code, message } = /** @type {NativeAdapterError} */ (error)
    const own = message.replace('createAdapter: expected cluster.', 'createEmitter: expected ').replace('createAdapter: expected cluster', 'createEmitter: expected options')
    throw code === 'ERR_INVALID_OPTION' ? new InvalidOptionError(own) : new NativeAdapterError(code, own)
  }
}

module.exports = { createEmitter }
