'use strict'

const { isDeepStrictEqual } = require('node:util')
const { ADAPTERS_ON_MOCKS } = require('../support/adapters')
const { ROOM_EVENTS, mockNamespaceWith, plain, recordRoomEvents } = require('../support/mocks')
const { randomFrom } = require('../support/seeded')

const IDS = [...Array(12).keys()].map((i) => `s${i}`)
const NAMES = ['a', 'b', 'c', 'd', 1, '1', 0, -0, NaN, 'ü\ud800', Symbol('room'), { room: true }]
const STEPS = 120

const some = (list, below) => new Set(Array.from({ length: below(4) }, () => list[below(list.length)]))

/** A look at an adapter's state, as a function of it. */
function question(kind, { id, name, rooms, except }) {
  switch (kind) {
    case 0:
      return (adapter) => adapter.sockets(rooms).then((ids) => [...ids])
    case 1:
      return (adapter) => adapter.fetchSockets({ rooms, except }).then((sockets) => sockets.map((socket) => socket.id))
    case 2:
      return (adapter) => adapter.socketRooms(id) && [...adapter.socketRooms(id)]
    case 3:
      return ({ rooms: all }) => [all.size, all.has(name), all.get(name)?.has(id), all.get(name)?.size]
    case 4:
      return ({ sids }) => [sids.size, sids.has(id), sids.get(id)?.has(name), sids.get(id)?.size]
    case 5:
      return ({ rooms: all }) => [...all.keys()]
    case 6:
      return ({ rooms: all }) => all.get(name) && [...all.get(name)]
    default:
      return (adapter) => {
        adapter.broadcast({ type: 2, data: ['event'] }, { rooms, except })
        return [...adapter.nsp.sockets.values()].flatMap((socket) => socket.written.splice(0).map(() => socket.id))
      }
  }
}

/** One operation, as a function of an adapter: the same on each. */
function operation(below) {
  const id = IDS[below(IDS.length)]
  const rooms = some(NAMES, below)
  const except = some(NAMES, below)
  const name = NAMES[below(NAMES.length)]
  switch (below(8)) {
    case 0:
      return (adapter) => adapter.delAll(id)
    case 1:
    case 2:
      return (adapter) => adapter.del(id, name)
    case 3:
      return question(below(8), { id, name, rooms, except })
    default:
      return (adapter) => adapter.addAll(id, rooms)
  }
}

/** How a run looks at the adapters: their state after each step or now and then, their events always, never or at times. */
const LOOKS = [
  { every: 1, heard: 'always', runs: 40 },
  { every: 1, heard: 'never', runs: 40 },
  { every: 15, heard: 'never', runs: 150 },
  { every: 40, heard: 'never', runs: 150 },
  { every: 10, heard: 'at times', runs: 150 },
]

/** Two adapters that do the same, and are compared. */
class Pair {
  constructor() {
    this.adapters = ADAPTERS_ON_MOCKS.map(({ on }) => on(mockNamespaceWith(IDS.slice(2))))
    this.events = [[], []]
    /** Sets of rooms and of sockets that were looked at earlier, of each. */
    this.held = [[], []]
  }

  /** Keeps a set in its hands, if there is one. */
  hold(id, name) {
    const sets = this.adapters.map(({ rooms, sids }) => (id === undefined ? rooms.get(name) : sids.get(id)))
    if (sets[0]) this.held.forEach((held, i) => held.push(sets[i]))
  }

  /** From now on only these events are recorded. */
  hear(kinds) {
    this.adapters.forEach((adapter, i) => {
      adapter.removeAllListeners()
      this.events[i] = recordRoomEvents(adapter, kinds)
    })
  }

  /** What each did and is now. */
  async compare(operate, isLooked, where) {
    const answers = await Promise.all(this.adapters.map(operate))
    const views = this.adapters.map((adapter, i) => [
      answers[i],
      this.events[i].splice(0),
      isLooked && plain(adapter),
      isLooked && this.held[i].map((set) => [...set]),
    ])
    const [stock, native] = views
    if (!isDeepStrictEqual(native, stock)) expect({ ...where, native }).toEqual({ ...where, native: stock })
  }
}

test.each(LOOKS)('any sequence of operations is as with the stock adapter: looked at every $every, heard $heard', async (look) => {
  const seed = Number(process.env.SEED ?? Date.now()) >>> 0
  for (let run = 0; run < look.runs; run++) {
    const below = randomFrom(seed + run)
    const pair = new Pair()
    if (look.heard === 'always') pair.hear(ROOM_EVENTS)
    for (let step = 0; step < STEPS; step++) {
      if (look.heard === 'at times' && below(12) === 0) pair.hear(ROOM_EVENTS.filter(() => below(2)))
      if (below(10) === 0) pair.hold(below(2) ? IDS[below(IDS.length)] : undefined, NAMES[below(NAMES.length)])
      await pair.compare(operation(below), step % look.every === 0, { seed: seed + run, step })
    }
    await pair.compare(() => {}, true, { seed: seed + run })
  }
})
