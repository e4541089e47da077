// @ts-check

import { byId, make } from './dom.js'

/** The most lines that a room keeps on the page. */
const KEPT = 200
/** "Somebody is typing" is said at most this often, and forgotten after twice as long. */
const TYPING_MS = 1500
/** How long an answer of the server may take. */
const ANSWER_MS = 5000

/** @typedef {{ id: string, name: string }} Person */
/** @typedef {{ lines: HTMLElement[], people: Person[], count: number, unread: boolean, typing: Map<string, number> }} Room */

/**
 * The chat panel.
 * @param {any} socket of the namespace `/chat`
 */
export function startChat(socket) {
  new Chat(socket).start()
}

class Chat {
  #socket
  /** @type {Map<string, Room>} the rooms this page is in */
  #rooms = new Map()
  #active = ''
  #name = ''
  #typingSaid = 0

  /** @param {any} socket */
  constructor(socket) {
    this.#socket = socket
  }

  start() {
    byId('name').value = `Guest ${100 + Math.floor(Math.random() * 900)}`
    byId('enter').addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault()
      this.#join(byId('room').value)
    })
    byId('say').addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault()
      this.#say()
    })
    byId('text').addEventListener('input', () => this.#typing())
    this.#socket.on('connect', () => this.#again())
    this.#socket.on('message', (/** @type {any} */ message) => this.#heard(message))
    this.#socket.on('people', (/** @type {any} */ people) => this.#peopleChanged(people))
    this.#socket.on('typing', (/** @type {any} */ typing) => this.#othersType(typing))
    this.#socket.on('rooms', (/** @type {any} */ rooms) => this.#showOpenRooms(rooms))
    setInterval(() => this.#showTyping(), 500)
  }

  /**
   * Asks the server; what it refuses is shown.
   * @param {string} event
   * @param {unknown} argument
   * @returns {Promise<any>} the answer, or null
   */
  async #ask(event, argument) {
    let answer
    try {
      answer = await this.#socket.timeout(ANSWER_MS).emitWithAck(event, argument)
    } catch {
      answer = { ok: false, error: 'The server does not answer' }
    }
    byId('chat-error').textContent = answer.ok ? '' : answer.error
    return answer.ok ? answer : null
  }

  /** @param {string} room */
  async #join(room) {
    const wanted = byId('name').value.trim()
    if (wanted !== this.#name) {
      const named = await this.#ask('name', wanted)
      if (named === null) return
      this.#name = byId('name').value = named.name
    }
    const joined = await this.#ask('join', room)
    if (joined === null) return
    if (!this.#rooms.has(joined.room)) {
      this.#rooms.set(joined.room, { lines: [], people: [], count: 0, unread: false, typing: new Map() })
      this.#notice(joined.room, `You joined ${joined.room}`)
    }
    this.#peopleChanged(joined)
    this.#activate(joined.room)
    byId('text').focus()
  }

  /** @param {string} room */
  async #leave(room) {
    if ((await this.#ask('leave', room)) === null) return
    this.#rooms.delete(room)
    this.#activate(this.#active === room ? ([...this.#rooms.keys()].at(-1) ?? '') : this.#active)
  }

  /** After a lost connection the server knows nothing of this page. */
  async #again() {
    const rooms = [...this.#rooms.keys()]
    if (rooms.length === 0) return
    await this.#ask('name', this.#name)
    for (const room of rooms) {
      const joined = await this.#ask('join', room)
      if (joined === null) return
      this.#peopleChanged(joined)
      this.#notice(room, 'Back after a lost connection')
    }
    this.#show()
  }

  async #say() {
    const input = byId('text')
    const text = input.value
    if (text.trim() === '') return
    if ((await this.#ask('message', { room: this.#active, text })) !== null && input.value === text) input.value = ''
  }

  #typing() {
    const now = Date.now()
    if (now - this.#typingSaid < TYPING_MS || this.#active === '') return
    this.#typingSaid = now
    this.#socket.volatile.emit('typing', this.#active)
  }

  /** @param {{ room: string, from: Person, text: string, at: number }} message */
  #heard({ room, from, text, at }) {
    const joined = this.#rooms.get(room)
    if (joined === undefined) return
    joined.typing.delete(from.name)
    const own = from.id === this.#socket.id
    const time = new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    const by = make('span', { className: 'by', textContent: `${own ? 'You' : from.name} · ${time}` })
    const words = make('span', { className: 'text', textContent: text, dir: 'auto' })
    this.#line(room, make('li', { className: own ? 'message own' : 'message' }, by, words))
  }

  /** @param {{ room: string, people: Person[], count: number }} change */
  #peopleChanged({ room, people, count }) {
    const joined = this.#rooms.get(room)
    if (joined === undefined) return
    const known = new Set(joined.people.map(({ id }) => id))
    const now = new Set(people.map(({ id }) => id))
    if (known.size > 0 && count === people.length) {
      for (const { id, name } of people) if (!known.has(id)) this.#notice(room, `${name} joined`)
      for (const { id, name } of joined.people) if (!now.has(id)) this.#notice(room, `${name} left`)
    }
    Object.assign(joined, { people, count })
    if (room === this.#active) this.#showPeople()
  }

  /** @param {{ room: string, name: string }} typing */
  #othersType({ room, name }) {
    this.#rooms.get(room)?.typing.set(name, Date.now() + 2 * TYPING_MS)
    this.#showTyping()
  }

  /**
   * @param {string} room
   * @param {string} textContent
   */
  #notice(room, textContent) {
    this.#line(room, make('li', { className: 'notice', textContent }))
  }

  /**
   * @param {string} room
   * @param {HTMLElement} line
   */
  #line(room, line) {
    const joined = /** @type {Room} */ (this.#rooms.get(room))
    joined.lines.push(line)
    if (joined.lines.length > KEPT) joined.lines.shift()?.remove()
    if (room !== this.#active) {
      joined.unread ||= line.classList.contains('message')
      this.#showTabs()
      return
    }
    byId('messages').append(line)
    byId('messages').scrollTop = byId('messages').scrollHeight
    this.#showTyping()
  }

  /** @param {string} room '' for none */
  #activate(room) {
    this.#active = room
    const joined = this.#rooms.get(room)
    if (joined !== undefined) joined.unread = false
    this.#show()
  }

  #show() {
    const room = this.#rooms.get(this.#active)
    byId('conversation').hidden = room === undefined
    byId('lobby').hidden = room !== undefined
    byId('join').textContent = room === undefined ? 'Join' : 'Join room'
    this.#showTabs()
    if (room === undefined) return
    byId('messages').replaceChildren(...room.lines)
    byId('messages').scrollTop = byId('messages').scrollHeight
    this.#showPeople()
    this.#showTyping()
  }

  #showTabs() {
    byId('tabs').replaceChildren(
      ...[...this.#rooms].map(([name, { unread }]) => {
        const active = name === this.#active
        const open = make('button', { type: 'button', textContent: name, onclick: () => this.#activate(name) })
        open.setAttribute('aria-pressed', String(active))
        const leave = make('button', { type: 'button', textContent: '×', onclick: () => this.#leave(name) })
        leave.setAttribute('aria-label', `Leave ${name}`)
        const tab = make('div', { className: 'tab' }, open, leave)
        Object.assign(tab.dataset, { active, unread })
        return tab
      }),
    )
  }

  #showPeople() {
    const { people, count } = /** @type {Room} */ (this.#rooms.get(this.#active))
    const items = people.map(({ id, name }) =>
      make('li', { textContent: name, className: id === this.#socket.id ? 'own' : '' }),
    )
    if (count > people.length) items.push(make('li', { textContent: `and ${count - people.length} more` }))
    byId('people').replaceChildren(...items)
    byId('count').textContent = `(${count})`
  }

  #showTyping() {
    const room = this.#rooms.get(this.#active)
    if (room === undefined) return
    const now = Date.now()
    for (const [name, until] of room.typing) if (until < now) room.typing.delete(name)
    const names = [...room.typing.keys()]
    const who = names.length > 3 ? 'Several people are' : `${names.join(', ')} ${names.length > 1 ? 'are' : 'is'}`
    byId('typing').textContent = names.length === 0 ? '' : `${who} typing…`
  }

  /** @param {{ name: string, count: number }[]} rooms */
  #showOpenRooms(rooms) {
    byId('open-rooms').replaceChildren(
      ...rooms.map(({ name, count }) => {
        const join = make('button', {
          type: 'button',
          textContent: `${name} (${count})`,
          onclick: () => this.#join(name),
        })
        return make('li', {}, join)
      }),
    )
    byId('rooms').replaceChildren(...rooms.map(({ name }) => make('option', { value: name })))
  }
}
