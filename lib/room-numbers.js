// @ts-check
'use strict'

/** @typedef {import('socket.io-adapter').Room} Room */

/** The numbers that the engine knows a namespace's rooms by. */
class RoomNumbers {
  /** By number. @type {(Room | undefined)[]} */
  #names = []
  /** @type {number[]} */
  #free = []

  /** @param {Room} name @returns {number} */
  take(name) {
    const room = this.#free.pop() ?? this.#names.length
    this.#names[room] = name
    return room
  }

  /** @param {number} room @returns {Room | undefined} */
  nameOf(room) {
    return this.#names[room]
  }

  /** @param {number} room */
  giveBack(room) {
    this.#names[room] = undefined
    this.#free.push(room)
    if (this.#free.length < this.#names.length) return
    this.#names = []
    this.#free = []
  }
}

module.exports = { RoomNumbers }
