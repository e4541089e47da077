'use strict'

const { ADAPTERS } = require('../support/adapters')
const { next, until } = require('../support/events')
const { servers } = require('../support/server')
const { STORES, deferred, event, open, within } = require('../support/queues')
const { durable } = require('../..')

const serve = servers()
const made = []

/** A durable emitter that ends with its test, before its server and its queues. */
function keep(io, queues, options) {
  const kept = durable(io, queues, options)
  made.push(kept)
  return kept
}

afterEach(() => Promise.all(made.splice(0).map((kept) => kept.close())))

/** Lets each client into the room that its handshake names. */
function rooms(nsp) {
  nsp.on('connection', (socket) => socket.join(socket.handshake.auth.room))
}

/** What a client gets, acknowledged unless `answer` says otherwise. */
function collect(client, name = 'invoice', answer = (ack) => ack()) {
  const got = []
  const waiting = []
  client.on(name, (...args) => {
    const ack = args.pop()
    const meta = args.pop()
    got.push({ args, meta })
    answer(ack, meta)
    for (const wait of waiting) if (got.length >= wait.count) wait.resolve()
  })
  got.count = (count) => {
    const wait = { ...deferred(), count }
    waiting.push(wait)
    if (got.length >= count) wait.resolve()
    return within(`${count} events`, wait.promise)
  }
  return got
}

const texts = (got) => got.map(({ args }) => args[0])

const auth = (room) => ({ auth: { room } })

describe.each(STORES)('over the %s store', (_, store) => {
  describe.each(ADAPTERS)('$name', (adapter) => {
    test('what was missed comes first, in order, and is kept until it is acknowledged', async () => {
      const server = await serve(adapter)
      const kept = keep(server.io, open(store()))
      rooms(server.io)
      const receipts = []
      for (let i = 0; i < 40; i++) receipts.push(await kept.to('user:1').emit('invoice', i))
      expect(kept.stats()).toMatchObject({ rooms: 0, delivered: 0 })
      const client = server.client(auth('user:1'))
      const got = collect(client)
      await next(client, 'connect')
      const more = kept.to('user:1').emit('invoice', 40)
      await got.count(41)
      await more
      expect(texts(got)).toEqual(Array.from({ length: 41 }, (_, i) => i))
      expect(got.map(({ meta }) => meta.id).slice(0, 40)).toEqual(receipts.map(({ id }) => id))
      expect(got[0].meta).toEqual({ id: receipts[0].id, sentAt: expect.any(Number), attempt: 1 })
      await until('all are acknowledged', () => kept.stats().acknowledged === 41)
      expect(await kept.queue.stats()).toMatchObject({ active: 0, blocked: 0, delayed: 0 })
    })

    test('several arguments, bytes in them, and namespaces', async () => {
      const server = await serve(adapter)
      const nsp = server.io.of('/x')
      const kept = keep(nsp, open(store()))
      rooms(nsp)
      const sent = [{ a: [1, Buffer.from('bytes'), { deep: new Uint8Array([1, 2]) }], date: new Date(0) }, 'text', null]
      await kept.to('r').emit('invoice', ...sent)
      await kept.to('r').emit('invoice')
      const client = server.client(auth('r'), '/x')
      const got = collect(client)
      await got.count(2)
      expect(got[0].args).toEqual([
        { a: [1, Buffer.from('bytes'), { deep: Buffer.from([1, 2]) }], date: '1970-01-01T00:00:00.000Z' },
        'text',
        null,
      ])
      expect(got[1].args).toEqual([])
    })
  })

  const [stock, native] = ADAPTERS

  test('a socket that joins gets what another was sent and did not acknowledge, and answers for it', async () => {
    const server = await serve(native)
    const kept = keep(server.io, open(store()))
    rooms(server.io)
    const silent = server.client(auth('u'))
    const unheard = collect(silent, 'invoice', () => {})
    await next(silent, 'connect')
    for (let i = 0; i < 5; i++) await kept.to('u').emit('invoice', i)
    await unheard.count(5)
    const other = server.client(auth('u'))
    const got = collect(other)
    await got.count(5)
    silent.disconnect()
    await kept.to('u').emit('invoice', 5)
    await got.count(6)
    expect(texts(got)).toEqual([0, 1, 2, 3, 4, 5])
    expect(got.map(({ meta }) => meta.id).slice(0, 5)).toEqual(unheard.map(({ meta }) => meta.id))
    // Nothing is left with the sockets.
    await until('all are acknowledged', () => kept.stats().acknowledged === 6)
    for (const socket of server.io.of('/').sockets.values()) expect(socket.acks.size).toBe(0)
  })

  test('an audience: each acknowledges for itself', async () => {
    const server = await serve(stock)
    const kept = keep(server.io, open(store()))
    rooms(server.io)
    const results = await kept.audience(['user:1', 'user:2', 'user:1']).emit('invoice', 'all')
    expect(results).toHaveLength(2)
    for (const room of ['user:1', 'user:2']) {
      const got = collect(server.client(auth(room)))
      await got.count(1)
      expect(texts(got)).toEqual(['all'])
    }
  })

  test('who never acknowledges is asked again later, one at a time, and stops nobody', async () => {
    const server = await serve(native)
    const kept = keep(server.io, open(store()), { ackTimeout: 50, retryDelay: 20, maxRetryDelay: 40, window: 4 })
    rooms(server.io)
    const silent = collect(server.client(auth('silent')), 'invoice', () => {})
    const got = collect(server.client(auth('u')))
    for (let i = 0; i < 20; i++) {
      await kept.to('silent').emit('invoice', i)
      await kept.to('u').emit('invoice', i)
    }
    await got.count(20)
    await silent.count(8)
    // A window first, then the oldest again and again.
    expect(texts(silent).slice(0, 8)).toEqual([0, 1, 2, 3, 0, 0, 0, 0])
    expect(silent.slice(4, 7).map(({ meta }) => meta.attempt)).toEqual([2, 3, 4])
    expect(new Set(silent.filter(({ args }) => args[0] === 0).map(({ meta }) => meta.id)).size).toBe(1)
    expect(kept.stats().unanswered).toBeGreaterThanOrEqual(3)
    for (const socket of server.io.of('/').sockets.values()) expect(socket.acks.size).toBeLessThanOrEqual(1)
  })

  test('double and foreign acknowledgements change nothing', async () => {
    const server = await serve(native)
    const kept = keep(server.io, open(store()), { window: 1 })
    rooms(server.io)
    const evil = await server.connect(auth('evil'))
    const seen = deferred()
    const client = server.client(auth('u'))
    const got = collect(client, 'invoice', (ack) => seen.resolve(ack))
    await next(client, 'connect')
    await kept.to('u').emit('invoice', 1)
    await kept.to('u').emit('invoice', 2)
    const ack = await within('the event', seen.promise)
    // The ids that there were.
    const first = server.io.of('/')._ids - 50
    for (let id = first; id < first + 60; id++) evil.packet({ type: 3, id, data: ['forged'] })
    server.socketOf(evil).on('sync', (synced) => synced())
    await evil.emitWithAck('sync')
    expect(kept.stats()).toMatchObject({ acknowledged: 0, inFlight: 1 })
    const acknowledged = event(kept, 'acknowledged')
    ack()
    ack()

    expect(await acknowledged).toEqual({ id: got[0].meta.id, room: 'u' })
    await got.count(2)
    expect(texts(got)).toEqual([1, 2])
  })

  test('a bound for each room: reject, or drop the oldest', async () => {
    const server = await serve(stock)
    const queues = open(store())
    const rejecting = keep(server.io, queues, { name: 'a', maxLength: 2 })
    await rejecting.to('u').emit('invoice', 1)
    await rejecting.to('u').emit('invoice', 2)
    await expect(rejecting.to('u').emit('invoice', 3)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    await rejecting.to('v').emit('invoice', 1)
    const results = await rejecting.audience(['u', 'w']).emit('invoice', 4)
    expect(results).toEqual([{ error: expect.objectContaining({ code: 'QUEUE_FULL' }) }, { id: expect.any(String), duplicate: false }])
    await rejecting.close()
    const dropping = keep(server.io, queues, { name: 'b', maxLength: 2, overflow: 'dropOldest' })
    for (let i = 0; i < 4; i++) await dropping.to('u').emit('invoice', i)
    rooms(server.io)
    const got = collect(server.client(auth('u')))
    await got.count(2)
    expect(texts(got)).toEqual([2, 3])
  })

  test('ttl, dedupId and maxAttempts', async () => {
    const server = await serve(stock)
    const queues = open(store())
    const kept = keep(server.io, queues, { ackTimeout: 20, retryDelay: 10, maxAttempts: 2, deadLetter: 'given-up' })
    const expired = event(kept.queue, 'expired')
    const { id } = await kept.to('u').ttl(1).emit('invoice', 'late')
    expect(await expired).toEqual({ id })
    const once = kept.to('u').dedupId('x')
    const first = await once.emit('invoice', 'once')
    expect(await once.emit('invoice', 'once')).toEqual({ id: first.id, duplicate: true })
    expect(await kept.to('v').dedupId('x').emit('invoice', 'other room')).toMatchObject({ duplicate: false })
    rooms(server.io)
    const dead = event(kept.queue, 'dead')
    collect(server.client(auth('u')), 'invoice', () => {})
    expect(await dead).toMatchObject({ id: first.id, attempt: 2, deadLetter: 'given-up' })
  })

  test('scheduled: kept or volatile, and taken back', async () => {
    const server = await serve(native)
    const kept = keep(server.io, open(store()))
    rooms(server.io)
    const client = server.client(auth('u'))
    const got = collect(client)
    const volatile = next(client, 'now')
    await next(client, 'connect')
    const never = await kept.to('u').schedule({ delay: 60_000 }).emit('invoice', 'never')
    const neither = await kept.to('u').schedule({ deliverAt: new Date(Date.now() + 60_000), volatile: true }).emit('now', 'never')
    await kept.to('u').schedule({ delay: 30 }).emit('invoice', 'later')
    await kept.to('u').schedule({ delay: 30, volatile: true }).emit('now', 'here')
    await kept.to('u').emit('invoice', 'first')
    await got.count(2)
    expect(texts(got)).toEqual(['first', 'later'])
    expect(await volatile).toEqual(['here'])
    expect(await kept.cancel(never.id)).toBe(true)
    expect(await kept.cancel(never.id)).toBe(false)
    expect(await kept.cancel(neither.id)).toBe(true)
  })

  test('after close nothing is delivered, and the next one goes on', async () => {
    const server = await serve(native)
    const queues = open(store())
    const first = keep(server.io, queues)
    rooms(server.io)
    const silent = server.client(auth('u'))
    const unheard = collect(silent, 'invoice', () => {})
    await next(silent, 'connect')
    await first.to('u').emit('invoice', 1)
    await first.to('u').emit('invoice', 2)
    await unheard.count(2)
    await first.close()
    expect(first.stats().inFlight).toBe(0)
    silent.off('invoice')
    const got = collect(silent)
    // Takes up the room that is there already.
    keep(server.io, queues)
    await got.count(2)
    expect(texts(got)).toEqual([1, 2])
  })
})

test('10,000 rooms that wait do not stop the others', async () => {
  const server = await serve(ADAPTERS[1])
  const kept = keep(server.io, open({ memory: true }))
  rooms(server.io)
  const all = Array.from({ length: 10_000 }, (_, i) => `offline:${i}`)
  await kept.audience(all).emit('invoice', 'waits')
  const client = server.client(auth('u'))
  const got = collect(client)
  await next(client, 'connect')
  for (let i = 0; i < 500; i++) kept.to('u').emit('invoice', i)
  await got.count(500)
  expect(texts(got)).toEqual(Array.from({ length: 500 }, (_, i) => i))
  expect(await kept.queue.stats()).toMatchObject({ blocked: 10_000, delivered: 500 })
})

test('what is wrong is told', async () => {
  const server = await serve(ADAPTERS[0])
  const queues = open({ memory: true })
  const kept = keep(server.io, queues)
  expect(() => durable({}, queues)).toThrow(expect.objectContaining({ code: 'QUEUE_OPTION_INVALID' }))
  expect(() => durable(server.io, {})).toThrow(/createQueues/)
  expect(() => durable(server.io, queues, { window: 0 })).toThrow(/window/)
  expect(() => kept.to('')).toThrow(/room/)
  expect(() => kept.to('x'.repeat(2000))).toThrow(/room/)
  expect(() => kept.audience('u')).toThrow(/array/)
  expect(() => kept.to('u').ttl(-1)).toThrow(/ttl/)
  expect(() => kept.to('u').schedule({})).toThrow(/delay or deliverAt/)
  await expect(kept.to('u').emit('disconnect')).rejects.toThrow(/Socket.IO/)
  await expect(kept.to('u').emit(5)).rejects.toThrow(/event name/)
  await expect(kept.to('u').emit('e', 1, () => {})).rejects.toThrow(/no function: listen to "acknowledged", got \[Function/)
  await expect(kept.to('u').emit('x', 1n)).rejects.toMatchObject({ code: 'QUEUE_PAYLOAD_INVALID' })
  // A second one of the same queue.
  const second = keep(server.io, queues)
  expect((await event(second, 'error')).message).toMatch(/one worker/)
})
