'use strict'

/**
 * Several servers that share what is kept in Redis: whose adapters know nothing of each other, or are a cluster. `MOVES` and `SEED` are those of
 * the client that moves between servers that are killed.
 */

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const http = require('node:http')
const path = require('node:path')
const { Server } = require('socket.io')
const { io: connect } = require('socket.io-client')
const { createAdapter, durable } = require('../..')
const { next, until } = require('../support/events')
const { open, within } = require('../support/queues')
const { random } = require('../support/random')
const { describeWithRedis } = require('../support/redis')
const { redisStore, server: redis } = require('../support/redis-queues')

const MOVES = Number(process.env.MOVES ?? 60)

const opened = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

/** A server of its own with a durable emitter; `client(room)` is one that is connected, and what it got. */
async function serve(store, adapter, options) {
  const httpServer = http.createServer()
  const io = new Server(httpServer, { adapter: createAdapter(adapter) })
  const queues = open(store)
  const kept = durable(io, queues, options)
  io.on('connection', (socket) => socket.join(socket.handshake.auth.room))
  await new Promise((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
  opened.push(async () => {
    await kept.close()
    await new Promise((resolve) => io.close(resolve))
  })
  const client = async (room, answers = true) => {
    const made = connect(`http://127.0.0.1:${httpServer.address().port}`, { transports: ['websocket'], forceNew: true, reconnection: false, auth: { room } })
    opened.push(() => made.disconnect())
    made.got = []
    made.on('n', (n, meta, ack) => {
      made.got.push({ n, ...meta })
      if (answers) ack()
    })
    made.has = (...numbers) => until(`${numbers} have come`, () => made.got.length >= numbers.length).then(() => expect(made.got.map(({ n }) => n)).toEqual(numbers))
    await next(made, 'connect')
    // Redis knows that it is in its room.
    await queues.flush()
    return made
  }
  return { io, kept, client }
}

async function emit({ kept }, ...numbers) {
  for (const n of numbers) await kept.to('u').emit('n', n)
}

const isEmpty = async (queue) => {
  const { active, blocked, delayed } = await queue.stats()
  return active + blocked + delayed === 0
}

/** Waits until nothing is kept any more. */
async function settled({ kept }) {
  while (!(await isEmpty(kept.queue))) await new Promise((resolve) => setTimeout(resolve, 5))
}

describeWithRedis.each([
  ['that know nothing of each other', () => ({})],
  ['that are a cluster', () => ({ cluster: { redis: redis().url } })],
])('servers %s', (name, adapter) => {
  /** Two of them over the same store. */
  async function two(options) {
    const store = redisStore()
    return [await serve(store, adapter(), options), await serve(store, adapter(), options)]
  }

  test('what was not acknowledged at one comes at once from the other to which the client goes, and from it alone', async () => {
    const [a, b] = await two({ window: 5 })
    const silent = await a.client('u', false)
    await emit(a, 0, 1, 2, 3, 4, 5)
    await silent.has(0, 1, 2, 3, 4)
    const moved = await b.client('u')
    await moved.has(0, 1, 2, 3, 4, 5)
    expect(moved.got.slice(0, 5)).toEqual(silent.got)
    await until('the first server has given it up', () => a.kept.stats().inFlight === 0)
    await emit(a, 6)
    await emit(b, 7)
    await moved.has(0, 1, 2, 3, 4, 5, 6, 7)
    await within('the acknowledgements', settled(a))
    expect(silent.got).toHaveLength(5)
    expect(a.kept.stats()).toMatchObject({ delivered: 5, acknowledged: 0, returned: 5 })
    // The one that is left gets what is new.
    moved.disconnect()
    await until('it is gone', () => b.kept.stats().rooms < 2)
    await emit(b, 8)
    await silent.has(0, 1, 2, 3, 4, 8)
    expect(moved.got).toHaveLength(8)
  })

  test('a room with a connection at each: each message goes to one of them', async () => {
    const [a, b] = await two()
    const clients = [await a.client('u'), await b.client('u')]
    const all = Array.from({ length: 200 }, (_, n) => n)
    await Promise.all(all.map((n) => (n % 2 ? a : b).kept.to('u').emit('n', n)))
    await until('all have come', () => clients[0].got.length + clients[1].got.length >= all.length)
    await within('the acknowledgements', settled(a))
    const got = clients.flatMap((client) => client.got)
    expect(got.map(({ n }) => n).sort((x, y) => x - y)).toEqual(all)
    expect(new Set(got.map(({ id }) => id)).size).toBe(all.length)
    for (const client of clients) expect(client.got.map(({ id }) => id)).toEqual(client.got.map(({ id }) => id).sort())
  })

  test('a connection that does not answer is passed over for one at another server', async () => {
    const [a, b] = await two({ ackTimeout: 100, retryDelay: 10 })
    const answers = await a.client('u')
    const silent = await b.client('u', false)
    await emit(a, 0, 1, 2)
    await answers.has(0, 1, 2)
    expect(silent.got.length).toBeGreaterThan(0)
    expect(answers.got[0].attempt).toBe(2)
    await emit(b, 3)
    await within('the acknowledgements', settled(b))
  })

  test('Redis has lost everything: what is emitted from then on arrives', async () => {
    const [a, b] = await two()
    const client = await a.client('u')
    await emit(b, 0)
    await client.has(0)
    redis().command('FLUSHALL')
    // Its queues are made again with the next sign of life.
    const again = () => emit(b, 1).then(() => true, (error) => expect(error.code).toBe('QUEUE_NOT_FOUND'))
    while (!(await again())) await new Promise((resolve) => setTimeout(resolve, 50))
    await until('it has come', () => client.got.length > 1)
    expect(client.got[1].n).toBe(1)
  })

  test('a server ends that held messages and gave no sign of life: one with an older connection gets them', async () => {
    const store = redisStore()
    const a = await serve(store, adapter(), { ackTimeout: 1000 })
    const older = await a.client('u')
    const child = await start(store, adapter().cluster)
    const client = connect(child.url, { transports: ['websocket'], reconnection: false, auth: { room: 'u' } })
    opened.push(() => client.disconnect())
    const came = next(client, 'n')
    const interest = () => redis().command('HGET', `{${store.key}}:interest:durable:/`, 'u')
    await until('Redis knows both', () => interest().split(' ').length === 2)
    await emit(a, 0, 1)
    expect((await came)[0]).toBe(0)
    await child.kill()
    // Its worker is taken for lost 10 s after its last sign of life.
    await until('it is', () => older.got.length === 2, 20_000)
    await older.has(0, 1)
    expect(older.got[0].attempt).toBe(2)
    await within('the acknowledgements', settled(a))
  })

  test(`a client goes ${MOVES} times from one to the other, which are killed now and then: it gets everything, in order`, async () => {
    const below = random()
    const store = redisStore()
    const clustered = adapter().cluster
    const io = new Server(http.createServer(), { adapter: createAdapter(adapter()) })
    const emitter = durable(io, open(store))
    opened.push(() => emitter.close().then(() => new Promise((resolve) => io.close(resolve))))
    const children = [await start(store, clustered), await start(store, clustered)]
    const state = { got: [], seen: new Map(), again: 0, wrong: [] }
    const sent = []
    let sending = true
    const traffic = (async () => {
      while (sending) {
        await Promise.all(Array.from({ length: 1 + below(8) }, () => emitter.to('u').emit('n', sent.push(sent.length) - 1)))
        await new Promise((resolve) => setTimeout(resolve, below(6)))
      }
    })()
    let client
    let kills = 0
    for (let move = 0; move < MOVES; move++) {
      // Mostly it leaves without a word, or is still there when it comes back elsewhere.
      if (below(3) > 0) client?.disconnect()
      const gone = below(8) === 0 ? below(2) : undefined
      if (gone !== undefined) {
        kills++
        await children[gone].kill()
        children[gone] = await start(store, clustered)
      }
      const before = client
      client = connect(children[below(2)].url, { transports: ['websocket'], forceNew: true, reconnection: false, auth: { room: 'u' } })
      receive(client, state)
      opened.push(((made) => () => made.disconnect())(client))
      await next(client, 'connect')
      await new Promise((resolve) => setTimeout(resolve, below(60)))
      before?.disconnect()
    }
    sending = false
    await traffic
    await until('everything has come', () => state.got.length >= sent.length)
    await within('the acknowledgements', settled({ kept: emitter }))
    expect(state.wrong).toEqual([])
    expect(state.got).toEqual(sent.map((_, n) => n))
    console.log(`${sent.length} emits, ${MOVES} moves, ${kills} kills, ${state.again} came again`)
  }, 120_000)
})

/** Another process that serves. */
async function start({ redis, key }, clustered) {
  const args = [path.join(__dirname, 'fixtures', 'sharing.js'), redis, key, clustered ? 'clustered' : 'alone']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const kill = () => {
    child.kill('SIGKILL')
    return ended
  }
  opened.push(kill)
  const [port] = await within('a server to begin', once(child.stdout, 'data'))
  return { url: `http://127.0.0.1:${Number(port)}`, kill }
}

/** Notes what comes; what has been seen is acknowledged again. */
function receive(client, state) {
  client.on('n', (n, meta, ack) => {
    const known = state.seen.get(meta.id)
    if (known === undefined) {
      state.seen.set(meta.id, n)
      state.got.push(n)
    } else {
      state.again++
      if (known !== n) state.wrong.push(`the id ${meta.id} of ${known} came with ${n}`)
    }
    ack()
  })
}
