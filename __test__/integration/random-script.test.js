'use strict'

const { ADAPTERS } = require('../support/adapters')
const { next, record, sync } = require('../support/events')
const { randomFrom } = require('../support/seeded')
const { servers } = require('../support/server')

const CLIENTS = 6
const STEPS = 250
const ROOMS = ['a', 'b', 'c', 1, '1']
const KINDS = [
  { transports: ['websocket'] },
  { transports: ['websocket'] },
  { transports: ['polling'] },
  { transports: ['polling', 'websocket'] },
  { transports: ['websocket'], forceBase64: true },
]

/** One server and its clients, which a script of random steps uses. */
class Stage {
  constructor(server) {
    this.server = server
    this.io = server.io
    this.clients = []
    this.received = []
    this.emitted = 0
  }

  async enter(place, kind) {
    const client = this.server.client(kind)
    await next(client, 'connect')
    this.clients[place] = client
    this.received.push([place, record(client)])
  }

  /** Replaces a client by a new one; what was emitted to the old one has arrived. */
  async replace(place, kind, close) {
    const client = this.clients[place]
    await sync(this.io, [client])
    const ended = next(client, 'disconnect')
    if (close) this.socket(place).disconnect(true)
    else client.disconnect()
    await ended
    await this.enter(place, kind)
  }

  socket(place) {
    return this.server.socketOf(this.clients[place])
  }

  payload(binary) {
    const n = this.emitted++
    return binary ? ['event', n, Buffer.from(`${n}`)] : ['event', n]
  }
}

/** A random step, as a function of a stage: the same on each. */
function step(below) {
  const [place, other] = [below(CLIENTS), below(CLIENTS)]
  const rooms = ROOMS.filter(() => below(3) === 0)
  const except = ROOMS.filter(() => below(4) === 0)
  const [room, kind, binary] = [ROOMS[below(ROOMS.length)], KINDS[below(KINDS.length)], below(3) === 0]
  const steps = [
    (stage) => stage.socket(place).join(rooms),
    (stage) => stage.socket(place).leave(room),
    (stage) => stage.io.emit(...stage.payload(binary)),
    (stage) => stage.io.to(rooms).except(except).emit(...stage.payload(binary)),
    (stage) => stage.io.to(room).emit(...stage.payload(binary)),
    (stage) => stage.socket(place).to(room).emit(...stage.payload(binary)),
    (stage) => stage.socket(place).broadcast.emit(...stage.payload(binary)),
    (stage) => stage.socket(place).emit(...stage.payload(binary)),
    (stage) => stage.io.to(stage.socket(other).id).emit(...stage.payload(binary)),
    (stage) => stage.io.in(room).socketsJoin('b'),
    (stage) => stage.io.in(stage.socket(place).id).socketsLeave(rooms),
    (stage) => stage.socket(place).onAnyOutgoing(() => {}),
    (stage) => stage.socket(place).offAnyOutgoing(),
    (stage) => stage.socket(place).conn.once('packetCreate', () => {}),
    ({ io }) => io.sockets.adapter.on(binary ? 'join-room' : 'delete-room', () => {}),
    ({ io }) => io.sockets.adapter.removeAllListeners(),
    () => new Promise(setImmediate),
  ]
  if (below(40) === 0) return (stage) => stage.replace(place, kind, binary)
  return steps[below(steps.length)]
}

async function play(server, seed) {
  const below = randomFrom(seed)
  const stage = new Stage(server)
  for (let place = 0; place < CLIENTS; place++) await stage.enter(place, KINDS[place % KINDS.length])
  for (let i = 0; i < STEPS; i++) await step(below)(stage)
  await sync(server.io, stage.clients)
  const { rooms } = server.io.sockets.adapter
  const sizes = ROOMS.map((room) => rooms.get(room)?.size)
  const numbers = (events) => events.map(([, n, bytes]) => [n, bytes?.toString()])
  return { received: stage.received.map(([place, events]) => [place, numbers(events)]), sizes }
}

const open = servers()

test.each([1, 2, 3])('any sequence of emits, joins and ends reaches clients as with the stock adapter: %i', async (round) => {
  const seed = (Number(process.env.SEED ?? Date.now()) + round) >>> 0
  const [stock, ...others] = ADAPTERS
  const expected = { seed, ...(await play(await open(stock, { javaScript: true }), seed)) }
  for (const adapter of others) {
    const actual = await play(await open(adapter, { javaScript: true }), seed)
    expect({ seed, ...actual }).toEqual(expected)
  }
})
