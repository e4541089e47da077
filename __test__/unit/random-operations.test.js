'use strict'

const { isDeepStrictEqual } = require('node:util')
const { ADAPTERS_ON_MOCKS } = require('../support/adapters')
const { mockNamespaceWith, plain, recordRoomEvents } = require('../support/mocks')
const { randomFrom } = require('../support/seeded')

const IDS = [...Array(12).keys()].map((i) => `s${i}`)
const NAMES = ['a', 'b', 'c', 'd', 1, '1', 0, -0, NaN, 'ü\ud800', Symbol('room'), { room: true }]
const RUNS = 60
const STEPS = 120

const some = (list, below) => new Set(Array.from({ length: below(4) }, () => list[below(list.length)]))

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
      return (adapter) => adapter.sockets(rooms).then((ids) => [...ids])
    case 4:
      return (adapter) => adapter.fetchSockets({ rooms, except }).then((sockets) => sockets.map((socket) => socket.id))
    case 5:
      return (adapter) => adapter.socketRooms(id) && [...adapter.socketRooms(id)]
    default:
      return (adapter) => adapter.addAll(id, rooms)
  }
}

test('any sequence of operations has the same effects, answers and events as with the stock adapter', async () => {
  const seed = Number(process.env.SEED ?? Date.now()) >>> 0
  for (let run = 0; run < RUNS; run++) {
    const below = randomFrom(seed + run)
    const adapters = ADAPTERS_ON_MOCKS.map(({ on }) => on(mockNamespaceWith(IDS.slice(2))))
    const events = adapters.map(recordRoomEvents)
    for (let step = 0; step < STEPS; step++) {
      const operate = operation(below)
      const answers = await Promise.all(adapters.map(operate))
      const [stock, native] = adapters.map((adapter, i) => [answers[i], events[i].splice(0), plain(adapter)])
      const where = { seed: seed + run, step }
      if (!isDeepStrictEqual(native, stock)) expect({ ...where, native }).toEqual({ ...where, native: stock })
    }
  }
})
