'use strict'

/**
 * What the server does, at random: emits of every kind, joins and leaves, and now and then the end of a connection. All of it
 * goes into the books at the moment of the call.
 */

const { conflate } = require('../..')
const { Account, Books, TAG } = require('./books')
const { contentOf } = require('./content')

const ROOMS = [...Array.from({ length: 8 }, (_, n) => n), ...Array.from({ length: 32 }, (_, n) => `room ${n}`)]

/** A connection gets a statement at the latest when it was sent so many packets. */
const LONGEST_LIST = 64

const KEYS = 5

class Traffic {
  root = new Books()
  side = new Books()
  /** By the id of the Engine.IO connection; also those that have ended. @type {Map<string, Account>} */
  accounts = new Map()
  /** Bytes and packets that were emitted, times their recipients. */
  deliveries = 0
  bytes = 0
  /** Wrong answers. @type {string[]} */
  failures = []

  #io
  #native
  #rnd
  #number = 1
  #flooding = false
  /** The last statements were made: what a client still asks for comes too late. */
  #settled = false

  /** @param {any} io @param {boolean} native @param {(below: number) => number} rnd */
  constructor(io, native, rnd) {
    this.#io = io
    this.#native = native
    this.#rnd = rnd
    io.on('connection', (socket) => this.#admit(socket, this.root))
    io.of('/side').on('connection', (socket) => this.#admit(socket, this.side))
  }

  #admit(socket, books) {
    const { id } = socket.conn
    if (!this.accounts.has(id)) this.accounts.set(id, new Account(id))
    const member = books.enter(socket, this.accounts.get(id))
    for (let n = this.#rnd(4); n > 0; n--) this.#join(books, member, this.#pick(ROOMS))
    socket.on('ask', (number, answer) => answer(number))
    socket.on('kick me', () => socket.disconnect())
    socket.on('flood me', () => !this.#settled && this.#flood(member))
    socket.on('disconnecting', (reason, description) => {
      books.exit(member)
      if (books === this.root) member.account.closed ??= description?.code ?? reason
    })
  }

  /** One act. */
  act() {
    if (this.root.members.size === 0) return
    const acts = this.#acts
    let choice = this.#rnd(acts.total)
    const [, act] = acts.list.find(([weight]) => (choice -= weight) < 0)
    act()
  }

  #acts = this.#weighed([
    [24, () => this.#broadcast(this.#rooms(1), [])],
    [6, () => this.#broadcast(this.#rooms(2 + this.#rnd(2)), [])],
    [6, () => this.#broadcast(this.#rooms(1), this.#rooms(1))],
    [3, () => this.#broadcast([], this.#rooms(2))],
    [2, () => this.#broadcast([], [])],
    [8, () => this.#broadcast(this.#rooms(1), [], { tag: TAG.VOLATILE })],
    [1, () => this.#broadcast([], [], { tag: TAG.VOLATILE })],
    [10, () => this.#broadcast(this.#rooms(1), [], { tag: 1 + this.#rnd(KEYS) })],
    [6, () => this.#broadcast(this.#rooms(1), [], { books: this.side })],
    [3, () => this.#broadcast([], [], { books: this.side })],
    [20, () => this.#toOne({})],
    [5, () => this.#toOne({ tag: 1 + this.#rnd(KEYS) })],
    [5, () => this.#fromOne()],
    [20, () => this.#state(this.#member(), 's')],
    [5, () => this.#direct({ tag: TAG.VOLATILE })],
    [10, () => this.#direct({})],
    [4, () => this.#ask()],
    [20, () => this.#changeRooms()],
    [1, () => this.#changeManyRooms()],
    [1, () => this.#observe()],
    [1, () => this.#kick()],
  ])

  #weighed(list) {
    return { list, total: list.reduce((sum, [weight]) => sum + weight, 0) }
  }

  #pick(list) {
    return list[this.#rnd(list.length)]
  }

  #rooms(count) {
    return Array.from({ length: count }, () => this.#pick(ROOMS))
  }

  #member(books = this.root) {
    return this.#pick([...books.members.values()])
  }

  /** In either namespace. */
  #anyMember() {
    return this.#member(this.#rnd(4) === 0 && this.side.members.size > 0 ? this.side : this.root)
  }

  /** Mostly small; large ones are for few. */
  #size(recipients) {
    if (this.#flooding) return this.#rnd(40_000)
    const kind = this.#rnd(100)
    if (kind < 70) return this.#rnd(130)
    if (kind < 96 || recipients > 200) return this.#rnd(2000)
    return kind < 99 || recipients > 20 ? 60_000 + this.#rnd(10_000) : this.#rnd(250_000)
  }

  #content(number, recipients) {
    const size = this.#size(recipients)
    const sizes = this.#rnd(5) > 0 ? [] : Array.from({ length: 1 + this.#rnd(3) }, () => this.#size(recipients))
    const bytes = sizes.reduce((sum, each) => sum + each, size + 60)
    if (!this.#flooding) this.deliveries += recipients
    if (!this.#flooding) this.bytes += recipients * bytes
    return contentOf(number, size, sizes)
  }

  /** Enters a packet for some members in the books. */
  #issue(members, tag) {
    const number = this.#number++
    for (const { account } of members) account.add(number, tag)
    return ['p', number, tag, ...this.#content(number, members.size)]
  }

  #broadcast(rooms, except, { tag = TAG.RELIABLE, books = this.root } = {}) {
    if (tag > 0 && !this.#native) tag = TAG.RELIABLE
    let target = books === this.root ? this.#io : this.#io.of('/side')
    for (const room of rooms) target = target.to(room)
    if (except.length > 0) target = target.except(except)
    this.#emit(target, tag, books.recipients(rooms, except))
  }

  /** To the room of one socket's own. */
  #toOne({ tag = TAG.RELIABLE }) {
    const { socket } = this.#member()
    this.#broadcast([socket.id], [], { tag })
  }

  /** From one socket to others. */
  #fromOne() {
    const { socket } = this.#member()
    const room = this.#pick(ROOMS)
    this.#emit(socket.to(room), TAG.RELIABLE, this.root.recipients([room], [socket.id]))
  }

  #emit(target, tag, members) {
    if (tag > 0) target = conflate(target, `key ${tag}`)
    const emitter = tag === TAG.VOLATILE ? target.volatile : target
    emitter.emit(...this.#issue(members, tag))
    for (const member of members) if (member.account.list.length >= LONGEST_LIST) this.#state(member, 's')
  }

  #direct({ tag = TAG.RELIABLE, member = this.#anyMember() }) {
    const event = this.#issue(new Set([member]), tag)
    if (tag === TAG.VOLATILE) member.socket.volatile.emit(...event)
    else member.socket.emit(...event)
  }

  /** A direct emit that the client answers. */
  #ask() {
    const member = this.#member()
    const event = this.#issue(new Set([member]), TAG.RELIABLE)
    const { account } = member
    account.unanswered++
    member.socket.emit(...event, (answer) => {
      account.unanswered--
      if (answer !== event[1]) this.failures.push(`${account.id} answered ${answer} to ${event[1]}`)
    })
  }

  /** Much of everything for one socket, in a few ticks: more than the kernel keeps for a client that does not read. */
  async #flood({ socket }) {
    const member = () => this.root.members.get(socket.id)
    for (let tick = 0; tick < 8; tick++) {
      for (let n = this.#rnd(16); n > 0 && member(); n--) {
        const tag = this.#pick([TAG.RELIABLE, TAG.VOLATILE, 1, 2, 3])
        this.#flooding = true
        if (this.#rnd(3) > 0) this.#broadcast([socket.id], [], { tag })
        else this.#direct({ tag: Math.min(tag, TAG.RELIABLE), member: member() })
        this.#flooding = false
      }
      if (member()) this.#state(member(), 's')
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Tells a connection what it was sent since the last time. */
  #state({ socket, account }, name) {
    const list = account.list
    account.list = []
    const number = this.#number++
    socket.emit(name, account.id, account.statements++, list, number, ...this.#content(number, 1))
  }

  #join(books, member, room) {
    books.join(member, room)
    member.socket.join(room)
  }

  #leave(books, member, room) {
    books.leave(member, room)
    member.socket.leave(room)
  }

  #changeRooms() {
    const member = this.#member()
    const room = this.#pick(ROOMS)
    if (member.rooms.has(room)) this.#leave(this.root, member, room)
    else if (member.rooms.size < 6) this.#join(this.root, member, room)
  }

  /** All of one room into another, or out of it. */
  #changeManyRooms() {
    const [from, to] = this.#rooms(2)
    const members = this.root.recipients([from], [])
    if (this.#rnd(2) > 0) {
      for (const member of members) this.root.join(member, to)
      this.#io.in(from).socketsJoin(to)
    } else {
      for (const member of members) this.root.leave(member, from)
      this.#io.in(from).socketsLeave(from)
    }
  }

  /** Somebody listens to what one socket is sent, or no longer. */
  #observe() {
    const { socket } = this.#member()
    if (socket.listenersAnyOutgoing().length > 0) socket.offAnyOutgoing()
    else socket.onAnyOutgoing(() => {})
  }

  /** A connection is closed: what was sent before comes. */
  #kick() {
    const member = this.#member()
    this.#state(member, 'last')
    member.account.closed = 'kicked'
    member.socket.disconnect(true)
  }

  /** The last statement to each connection. @returns {string[]} whom it was sent to */
  settle() {
    this.#settled = true
    const members = [...this.root.members.values()]
    for (const member of members) this.#state(member, 'last')
    return members.map(({ account }) => account.id)
  }

  /** Those that the server has closed, and why. @returns {[string, string][]} */
  closed() {
    return [...this.accounts.values()].flatMap(({ id, closed }) => (closed ? [[id, closed]] : []))
  }

  /** How many acknowledgements of those that are connected have not come. */
  get unanswered() {
    return [...this.root.members.values()].reduce((sum, { account }) => sum + account.unanswered, 0)
  }

  /** What is wrong with the adapters' view of the rooms. @returns {string[]} */
  differences() {
    const views = [
      [this.root, this.#io.sockets.adapter],
      [this.side, this.#io.of('/side').adapter],
    ]
    return views.flatMap(([books, adapter]) => books.difference(adapter) ?? [])
  }

  /** All clients are gone: nobody will ask about them. */
  forget() {
    this.#settled = false
    this.accounts.clear()
  }
}

module.exports = { Traffic }
