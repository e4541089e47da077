'use strict'

/** Processes without Socket.IO that reach its clients, for each mode. */

const { Emitter } = require('@socket.io/redis-emitter')
// What the JavaScript adapter decodes with.
const { encode } = require(require.resolve('@msgpack/msgpack', { paths: [require.resolve('@socket.io/redis-streams-adapter')] }))

/** What `@socket.io/redis-streams-emitter` 0.1.1 writes, which is not in each registry: entries with its fields in its order. */
class StreamsEmitter {
  #client
  #rooms
  #nsp

  /** @param {any} client @param {string} [nsp] @param {string[]} [rooms] */
  constructor(client, nsp = '/', rooms = []) {
    this.#client = client
    this.#nsp = nsp
    this.#rooms = rooms
  }

  /** @param {string} room */
  to(room) {
    return new StreamsEmitter(this.#client, this.#nsp, [...this.#rooms, room])
  }

  /** @param {string} room */
  in(room) {
    return this.to(room)
  }

  get #opts() {
    return { rooms: this.#rooms, except: [], flags: {} }
  }

  /** @param {number} type @param {any} data @param {string} [text] */
  #add(type, data, text = JSON.stringify(data)) {
    const entry = { uid: 'emitter', nsp: this.#nsp, type: String(type), data: text }
    return this.#client.xAdd('socket.io', '*', entry, { TRIM: { strategy: 'MAXLEN', strategyModifier: '~', threshold: 10_000 } })
  }

  /** @param {any[]} data */
  emit(...data) {
    const body = { packet: { type: 2, data, nsp: this.#nsp }, opts: this.#opts }
    const binary = data.some((value) => Buffer.isBuffer(value))
    return this.#add(3, body, binary ? Buffer.from(encode(body)).toString('base64') : undefined)
  }

  /** @param {string} room */
  socketsJoin(room) {
    return this.#add(4, { opts: this.#opts, rooms: [room] })
  }

  /** @param {string} room */
  socketsLeave(room) {
    return this.#add(5, { opts: this.#opts, rooms: [room] })
  }

  /** @param {any[]} packet */
  serverSideEmit(...packet) {
    return this.#add(9, { packet })
  }
}

/** By mode. @type {Record<string, (client: any) => any>} */
const EMITTERS = {
  pubsub: (client) => new Emitter(client),
  streams: (client) => new StreamsEmitter(client),
}

module.exports = { EMITTERS, StreamsEmitter }
