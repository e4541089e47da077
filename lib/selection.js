// @ts-check
'use strict'

/** @typedef {import('socket.io-adapter').Room} Room */

/** In the place of a room's number. */
const EVERYBODY = -1

/**
 * The number of the one room that a call names, -1 when it means everybody, or undefined when it has to be selected.
 * @param {import('./rooms-view').MapView<Room, string>} known
 * @param {{ rooms: Set<Room>, except?: Set<Room> }} opts
 * @returns {number | undefined}
 */
function onlyRoom(known, { rooms, except }) {
  if (rooms.size > 1 || (except !== undefined && except.size > 0)) return undefined
  if (rooms.size === 0) return EVERYBODY
  for (const name of rooms) return known.numberOf(name)
}

/** The numbers of the rooms that a call names, in one array that all calls use. */
class Selection {
  /** Grows when needed. */
  #ids = new Uint32Array(16)

  /**
   * Those of `rooms` that exist, then those of `except`.
   * @param {import('./rooms-view').MapView<Room, string>} known
   * @param {{ rooms: Set<Room>, except?: Set<Room> }} opts
   */
  of(known, { rooms, except }) {
    const most = rooms.size + (except?.size ?? 0)
    if (most > this.#ids.length) this.#ids = new Uint32Array(most * 2)
    const included = this.#add(known, rooms, 0)
    const all = except === undefined ? included : this.#add(known, except, included)
    return { ids: this.#ids, rooms: included, except: all - included }
  }

  /**
   * @param {import('./rooms-view').MapView<Room, string>} known
   * @param {Set<Room>} names
   * @param {number} at
   */
  #add(known, names, at) {
    for (const name of names) {
      const room = known.numberOf(name)
      if (room !== undefined) this.#ids[at++] = room
    }
    return at
  }
}

module.exports = { Selection, onlyRoom }
