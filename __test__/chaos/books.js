'use strict'

/**
 * What each connection was sent, by the test's own view of who is in which room: it is kept beside Socket.IO's, never read from
 * the adapter, and compared with it at the end.
 */

/** What a packet promises; the tags of `bench/loadgen/src/chaos/ledger.rs`. A key of a conflated one is above 0. */
const TAG = { RELIABLE: 0, VOLATILE: -1 }

/** One Engine.IO connection. */
class Account {
  /** What was sent since the last statement, as statements say it. @type {(number | number[])[]} */
  list = []
  statements = 0
  /** Emits of which the acknowledgement has not come. */
  unanswered = 0
  /** Why it was closed by the server. @type {string | undefined} */
  closed

  constructor(id) {
    this.id = id
  }

  add(number, tag) {
    this.list.push(tag === TAG.RELIABLE ? number : tag === TAG.VOLATILE ? -number : [tag, number])
  }
}

/** One socket in a namespace. */
class Member {
  rooms = new Set()

  constructor(socket, account) {
    this.socket = socket
    this.account = account
  }
}

/** The sockets of one namespace. */
class Books {
  /** By the socket's id. @type {Map<string, Member>} */
  members = new Map()
  /** @type {Map<unknown, Set<Member>>} */
  rooms = new Map()

  enter(socket, account) {
    const member = new Member(socket, account)
    this.members.set(socket.id, member)
    this.join(member, socket.id)
    return member
  }

  exit(member) {
    for (const room of [...member.rooms]) this.leave(member, room)
    this.members.delete(member.socket.id)
  }

  join(member, room) {
    if (!this.members.has(member.socket.id)) return
    member.rooms.add(room)
    if (!this.rooms.has(room)) this.rooms.set(room, new Set())
    this.rooms.get(room).add(member)
  }

  leave(member, room) {
    member.rooms.delete(room)
    const members = this.rooms.get(room)
    members?.delete(member)
    if (members?.size === 0) this.rooms.delete(room)
  }

  /** Who gets a broadcast: the members of any of the rooms (all, if there are none) that are in none of the others. */
  recipients(rooms, except) {
    const all = rooms.length === 0 ? [...this.members.values()] : rooms.flatMap((room) => [...(this.rooms.get(room) ?? [])])
    const excepted = (member) => except.some((room) => member.rooms.has(room))
    return new Set(except.length > 0 ? all.filter((member) => !excepted(member)) : all)
  }

  /** What differs from the adapter's view. @returns {string | undefined} */
  difference(adapter) {
    if (adapter.rooms.size !== this.rooms.size) return `expected ${this.rooms.size} rooms, got ${adapter.rooms.size}`
    if (adapter.sids.size !== this.members.size) return `expected ${this.members.size} sockets, got ${adapter.sids.size}`
    for (const [room, members] of this.rooms) {
      const ids = [...members].map(({ socket }) => socket.id).sort()
      const found = [...(adapter.rooms.get(room) ?? [])].sort()
      if (ids.join() !== found.join()) return `expected in ${String(room)}: ${ids}; got ${found}`
    }
    return undefined
  }
}

module.exports = { Account, Books, TAG }
