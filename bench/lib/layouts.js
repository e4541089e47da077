// @ts-check
'use strict'

/**
 * Who is in which room, and to which rooms broadcasts go: the same numbers for the server, which joins and emits, and for
 * the one who checks what arrived.
 *
 * @typedef {{ to: string[], except: string[] }} Target
 * @typedef {object} Layout
 * @property {(socket: number) => string[]} roomsOf
 * @property {(clients: number) => Target[]} targets of broadcasts, in turn
 */

/** @type {(count: number, make: (index: number) => Target) => Target[]} */
const times = (count, make) => Array.from({ length: count }, (_, index) => make(index))

const TOPICS = Array.from({ length: 10 }, (_, index) => `topic:${index}`)

/** @type {Record<string, Layout>} */
const LAYOUTS = {
  /** One room with everybody. */
  everybody: {
    roomsOf: () => ['everybody'],
    targets: () => [{ to: ['everybody'], except: [] }],
  },
  /** Ten rooms that overlap: everybody is in one or two of them. Each tenth of those is excepted by a room, too. */
  overlapping: {
    roomsOf: (socket) => {
      const rooms = [`topic:${socket % 10}`, `topic:${Math.floor(socket / 10) % 10}`]
      return socket % 10 === 3 ? [...rooms, 'muted'] : rooms
    },
    targets: () => [{ to: TOPICS, except: ['muted'] }],
  },
  /** Many rooms of ten. */
  teams: {
    roomsOf: (socket) => [`team:${Math.floor(socket / 10)}`],
    targets: (clients) => times(Math.ceil(clients / 10), (index) => ({ to: [`team:${index}`], except: [] })),
  },
  /** A room for each, by the name of a user. */
  users: {
    roomsOf: (socket) => [`user:${socket}`],
    targets: (clients) => times(clients, (index) => ({ to: [`user:${index}`], except: [] })),
  },
}

/**
 * @param {Layout} layout
 * @param {number} clients
 * @param {number} calls made to its targets, in turn
 * @returns {number} how many deliveries they are
 */
function deliveriesOf(layout, clients, calls) {
  const rooms = Array.from({ length: clients }, (_, socket) => layout.roomsOf(socket))
  const targets = layout.targets(clients)
  const reached = targets.map(({ to, except }) => {
    const isReached = (/** @type {string[]} */ names) =>
      names.some((name) => to.includes(name)) && !names.some((name) => except.includes(name))
    return rooms.filter(isReached).length
  })
  return reached.reduce((sum, count, index) => sum + count * callsTo(index, targets.length, calls), 0)
}

/** @type {(index: number, targets: number, calls: number) => number} */
const callsTo = (index, targets, calls) => Math.floor(calls / targets) + (index < calls % targets ? 1 : 0)

module.exports = { LAYOUTS, deliveriesOf }
