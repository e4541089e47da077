// @ts-check
'use strict'

/** A room with connected sockets: what is on its way to them, in order. */

const EVENT = 2
const NOBODY = Object.freeze(new Set())

/** A message on its way. */
class Flight {
  message
  room
  /** Ids of the packets by which it went out. @type {number[]} */
  packets = []
  /** Event, arguments and meta. @type {any[]} */
  data
  /** The same as JSON, if there are no bytes in it. @type {string | undefined} */
  json
  /** Tells the worker that it is over. */
  done
  deadline = 0
  over = false

  /**
   * @param {import('../queues/message').Message} message
   * @param {Room} room
   * @param {any[]} data
   * @param {string | undefined} json
   * @param {() => void} done
   */
  constructor(message, room, data, json, done) {
    this.message = message
    this.room = room
    this.data = data
    this.json = json
    this.done = done
  }
}

class Room {
  name
  /** Interest in it was answered: what comes now is from now, not from before the room was empty. */
  ready = false
  /** Grows with each interest. */
  epoch = 0
  /** Ids of its connected sockets. @type {Set<string>} */
  members = new Set()
  /** In order. @type {Set<Flight>} */
  flights = new Set()
  #nsp
  #encoded

  /**
   * @param {any} nsp
   * @param {import('../queues/encoded-emit').EncodedEmit} encoded
   * @param {string} name
   */
  constructor(nsp, encoded, name) {
    this.#nsp = nsp
    this.#encoded = encoded
    this.name = name
  }

  /**
   * To all its sockets, or to one that has joined later. The first that answers acknowledges it.
   * @param {Flight} flight
   * @param {(answer: unknown) => void} onAck
   * @param {string} [id] of the one
   */
  send(flight, onAck, id) {
    const only = this.#only(id)
    if (flight.json !== undefined && only && this.#encoded.suits(only)) {
      flight.packets.push(this.#encoded.send(only, flight.json, onAck))
      return
    }
    // The encoder takes bytes out of what it is given.
    const packet = { type: EVENT, data: [...flight.data], id: 0 }
    const opts = { rooms: new Set([id ?? this.name]), except: NOBODY, flags: { local: true } }
    this.#nsp.adapter.broadcastWithAck(packet, opts, NOTHING, onAck)
    flight.packets.push(packet.id)
  }

  /** The one socket that is meant, if it is one. @param {string} [id] */
  #only(id) {
    if (id === undefined && this.members.size === 1) [id] = this.members
    return id === undefined ? undefined : this.#nsp.sockets.get(id)
  }

  /** Its sockets need not answer any more. @param {Flight} flight */
  end(flight) {
    flight.over = true
    this.flights.delete(flight)
    for (const id of this.members) this.#forget(id, flight)
  }

  /** A socket has left: it cannot answer any more. @param {string} id */
  leave(id) {
    this.members.delete(id)
    for (const flight of this.flights) this.#forget(id, flight)
  }

  /**
   * @param {string} id
   * @param {Flight} flight
   */
  #forget(id, flight) {
    const acks = this.#nsp.sockets.get(id)?.acks
    for (const packet of flight.packets) acks?.delete(packet)
  }
}

function NOTHING() {}

module.exports = { Flight, Room }
