// @ts-check
'use strict'

const { CHAT, RateLimit, atMostEvery, cleanText } = require('./limits.js')

/**
 * A chat with rooms. Who is in which room is not kept here: the adapter knows it (`nsp.adapter.rooms`).
 *
 * A room of people is the Socket.IO room `#name`: without the mark, somebody could join the room of another's socket id.
 *
 * @param {import('socket.io').Namespace} nsp
 */
function serveChat(nsp) {
  const announceRooms = atMostEvery(200, () => nsp.emit('rooms', roomsOf(nsp)))
  nsp.use((_socket, next) => next(nsp.sockets.size < CHAT.people ? undefined : new Error('The chat is full')))
  nsp.on('connection', (socket) => {
    const chatter = new Chatter(nsp, socket, announceRooms)
    chatter.answer('name', (name) => chatter.rename(name))
    chatter.answer('join', (room) => chatter.join(room))
    chatter.answer('leave', (room) => chatter.leave(room))
    chatter.answer('message', (message) => chatter.say(message))
    socket.on('typing', (room) => chatter.typing(room))
    socket.on('disconnecting', () => chatter.disconnecting())
    socket.emit('rooms', roomsOf(nsp))
  })
}

/** One person's connection. Each method that a client calls returns the answer, or throws a {@link Refusal}. */
class Chatter {
  #nsp
  #socket
  #announceRooms
  #events = new RateLimit(8, 24)
  #typing = new RateLimit(4, 8)

  /**
   * @param {import('socket.io').Namespace} nsp
   * @param {import('socket.io').Socket} socket
   * @param {() => void} announceRooms
   */
  constructor(nsp, socket, announceRooms) {
    this.#nsp = nsp
    this.#socket = socket
    this.#announceRooms = announceRooms
  }

  /**
   * Answers an event with `{ ok: true, ... }` or `{ ok: false, error }`. One without an acknowledgement is ignored.
   * @param {string} event
   * @param {(argument: unknown) => object} handler
   */
  answer(event, handler) {
    this.#socket.on(event, (argument, reply) => {
      if (typeof reply !== 'function') return
      try {
        if (!this.#events.take()) throw new Refusal('Too fast: wait a second')
        reply({ ok: true, ...handler(argument) })
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        reply({ ok: false, error: error.message })
      }
    })
  }

  /** @param {unknown} argument */
  rename(argument) {
    const wanted = cleanText(argument, CHAT.nameLength)
    if (wanted === null) throw new Refusal(`A name has 1 to ${CHAT.nameLength} characters`)
    this.#socket.data.name = freeName(this.#nsp, this.#socket, wanted)
    for (const room of this.#rooms()) this.#announcePeople(room)
    return { name: this.#socket.data.name }
  }

  /** @param {unknown} argument */
  join(argument) {
    const name = cleanText(argument, CHAT.roomLength)
    if (name === null) throw new Refusal(`A room's name has 1 to ${CHAT.roomLength} characters`)
    if (this.#socket.data.name === undefined) throw new Refusal('Say your name first')
    const room = `#${name}`
    if (!this.#socket.rooms.has(room)) {
      if (this.#rooms().length >= CHAT.roomsEach)
        throw new Refusal(`You are in ${CHAT.roomsEach} rooms: leave one first`)
      this.#socket.join(room)
      this.#announcePeople(room)
      this.#announceRooms()
    }
    return { room: name, ...peopleIn(this.#nsp, room) }
  }

  /** @param {unknown} argument */
  leave(argument) {
    const room = this.#ownRoom(argument)
    this.#socket.leave(room)
    this.#announcePeople(room)
    this.#announceRooms()
    return {}
  }

  /** @param {unknown} argument */
  say(argument) {
    const message = /** @type {Record<string, unknown>} */ (
      argument !== null && typeof argument === 'object' ? argument : {}
    )
    const room = this.#ownRoom(message.room)
    const text = cleanText(message.text, CHAT.messageLength)
    if (text === null) throw new Refusal(`A message has 1 to ${CHAT.messageLength} characters`)
    const from = { id: this.#socket.id, name: this.#socket.data.name }
    this.#nsp.to(room).emit('message', { room: room.slice(1), from, text, at: Date.now() })
    return {}
  }

  /**
   * Volatile: whoever is behind misses it, and nothing waits for it.
   * @param {unknown} argument
   */
  typing(argument) {
    if (typeof argument !== 'string' || !this.#socket.rooms.has(`#${argument}`) || !this.#typing.take()) return
    this.#socket.to(`#${argument}`).volatile.emit('typing', { room: argument, name: this.#socket.data.name })
  }

  disconnecting() {
    const rooms = this.#rooms()
    this.#socket.once('disconnect', () => {
      for (const room of rooms) this.#announcePeople(room)
      if (rooms.length > 0) this.#announceRooms()
    })
  }

  /** @param {unknown} argument */
  #ownRoom(argument) {
    const room = `#${argument}`
    if (typeof argument !== 'string' || !this.#socket.rooms.has(room)) throw new Refusal('You are not in that room')
    return room
  }

  #rooms() {
    return [...this.#socket.rooms].filter((room) => room.startsWith('#'))
  }

  /** @param {string} room */
  #announcePeople(room) {
    this.#nsp.to(room).emit('people', { room: room.slice(1), ...peopleIn(this.#nsp, room) })
  }
}

/** Something a person asked for that is not possible; its message is shown to them. */
class Refusal extends Error {}

/**
 * @param {import('socket.io').Namespace} nsp
 * @param {string} room
 */
function peopleIn(nsp, room) {
  const ids = nsp.adapter.rooms.get(room) ?? new Set()
  const people = []
  for (const id of ids) {
    if (people.length === CHAT.peopleShown) break
    people.push({ id, name: nsp.sockets.get(id)?.data.name })
  }
  return { count: ids.size, people }
}

/** @param {import('socket.io').Namespace} nsp */
function roomsOf(nsp) {
  const rooms = []
  for (const [room, ids] of nsp.adapter.rooms) {
    if (typeof room === 'string' && room.startsWith('#')) rooms.push({ name: room.slice(1), count: ids.size })
  }
  return rooms.sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1)).slice(0, CHAT.roomsShown)
}

/**
 * The name, with a number after it when somebody else has it.
 * @param {import('socket.io').Namespace} nsp
 * @param {import('socket.io').Socket} own
 * @param {string} wanted
 */
function freeName(nsp, own, wanted) {
  const taken = new Set()
  for (const socket of nsp.sockets.values()) if (socket !== own) taken.add(socket.data.name)
  let name = wanted
  for (let number = 2; taken.has(name); number += 1) name = `${wanted} ${number}`
  return name
}

module.exports = { serveChat }
