'use strict'

const { ADAPTERS } = require('../support/adapters')
const { until, within } = require('../support/events')
const { STORES, event, open, sendAll } = require('../support/queues')
const { servers } = require('../support/server')
const { jobsOf, worker: newWorker } = require('../support/workers')

const openServer = servers()
const CASES = STORES.flatMap(([store, options]) => ADAPTERS.slice(0, 2).map((adapter) => [store, adapter.name, options, adapter]))

describe.each(CASES)('dispatch (%s store, %s)', (_, __, options, adapter) => {
  let queues, server, queue
  beforeEach(async () => {
    queues = open(options())
    server = await openServer(adapter)
    queue = queues.queue('q', { backoff: 5, maxAttempts: 3, deadLetter: 'dead' })
  })

  const worker = (answer, room) => newWorker(server, answer, room)
  const dispatch = (more) => queue.dispatch(server.io.in('gpu'), { event: 'job', ...more })

  test('each message goes to one socket of the rooms, with its meta, and the answer settles it', async () => {
    const first = await worker(() => ({ ok: true }))
    const dispatcher = dispatch()
    const second = await worker((payload) => payload)
    const outside = await worker(() => ({ ok: true }), null)
    await queue.send({ n: -1 }, { headers: { trace: 't' }, key: 'k' })
    await sendAll(queue, Array.from({ length: 50 }, (_unused, n) => ({ n })))
    await within('the end', queue.drain())
    const all = [...first.jobs, ...second.jobs]
    expect(all.map(({ payload }) => payload.n).sort((a, b) => a - b)).toEqual(Array.from({ length: 51 }, (_unused, n) => n - 1))
    expect(first.jobs.length).toBeGreaterThan(5)
    expect(second.jobs.length).toBeGreaterThan(5)
    expect(outside.jobs).toEqual([])
    const { meta } = all.find(({ payload }) => payload.n === -1)
    expect(meta).toEqual({ id: expect.stringMatching(/^[0-9a-f]{16}$/), attempt: 1, headers: { trace: 't' }, key: 'k' })
    expect(dispatcher.stats()).toMatchObject({ sockets: 2, slots: 2, inFlight: 0, dispatched: 51, completed: 51, failed: 0 })
    await dispatcher.close()
    expect(await queue.stats()).toMatchObject({ completed: 51, ready: 0, active: 0 })
  })

  test('a request is answered by a browser', async () => {
    await worker(({ a, b }) => ({ ok: true, result: a + b }))
    dispatch()
    expect(await queue.request({ a: 1, b: 2 })).toBe(3)
    expect(await queue.request({ a: 'x', b: 'y' })).toBe('xy')
  })

  test('an error is tried again with the backoff of the queue, and is dead in the end', async () => {
    await worker((payload, { attempt }) => (payload === 'bad' || attempt === 1 ? { error: `no ${attempt}` } : {}))
    dispatch()
    const retried = []
    queue.on('retried', ({ attempt, error, delay }) => retried.push([attempt, error, delay]))
    const dead = event(queue, 'dead')
    await queue.send('good')
    await queue.send('bad')
    expect(await dead).toMatchObject({ attempt: 3, error: 'no 3', deadLetter: 'dead' })
    await within('the end', queue.drain())
    expect(retried).toEqual(expect.arrayContaining([[1, 'no 1', 5], [2, 'no 2', 5]]))
  })

  test('at most prefetch unanswered a socket; what nobody can take stays in the queue', async () => {
    const dispatcher = dispatch({ prefetch: 3 })
    await sendAll(queue, Array.from({ length: 20 }, (_unused, n) => n))
    expect(await queue.stats()).toMatchObject({ ready: 20, active: 0 })
    const { client, jobs } = await worker()
    await until('three have come', () => jobs.length === 3)
    await queues.flush()
    expect(await queue.stats()).toMatchObject({ ready: 17, active: 3 })
    jobs[1].ack()
    await until('a fourth has come', () => jobs.length === 4)
    server.socketOf(client).leave('gpu')
    await event(dispatcher, 'leave')
    for (const { ack } of jobs) ack()
    await until('all are answered', () => dispatcher.stats().completed === 4)
    await queues.flush()
    expect(jobs.map(({ payload }) => payload)).toEqual([0, 1, 2, 3])
    expect(await queue.stats()).toMatchObject({ ready: 16, active: 0 })
    server.socketOf(client).join('gpu')
    await until('it goes on', () => jobs.length === 7)
  })

  test('a disconnect hands over at once, in order, and is no attempt', async () => {
    const dispatcher = dispatch({ prefetch: 2 })
    const dying = await worker()
    await sendAll(queue, ['a', 'b', 'c', 'd'])
    await until('it has two', () => dying.jobs.length === 2)
    const handOver = event(dispatcher, 'hand-over')
    const other = await worker()
    await until('the other has two', () => other.jobs.length === 2)
    const socket = server.socketOf(dying.client)
    dying.client.disconnect()
    await until('the server knows', () => !socket.connected)
    await queues.flush()
    expect(other.jobs.map(({ payload }) => payload)).toEqual(['c', 'd'])
    for (const { ack } of other.jobs.slice()) ack()
    await until('the other has all', () => other.jobs.length === 4)
    const { from, to, ...rest } = await handOver
    expect([from.id, to.id]).toEqual([socket.id, other.client.id])
    expect(rest).toEqual({ id: expect.any(String), reason: 'disconnect', millis: expect.any(Number) })
    expect(other.jobs.slice(2).map(({ payload, meta }) => [payload, meta.attempt])).toEqual([['a', 1], ['b', 1]])
    expect(dispatcher.stats()).toMatchObject({ sockets: 1, disconnected: 2, handedOver: 2, failed: 0 })
  })

  test('a message whose workers are disconnected again and again is dead in the end', async () => {
    const dispatcher = dispatch({ maxDisconnects: 2 })
    const dead = event(queue, 'dead')
    await queue.send('poison')
    let killed = 0
    const kill = async () => {
      const { client } = await worker(undefined, null)
      client.on('job', () => {
        killed++
        client.disconnect()
      })
      server.socketOf(client).join('gpu')
    }
    const replace = () => killed < 5 && kill()
    dispatcher.on('leave', replace)
    await kill()
    expect(await dead).toMatchObject({ attempt: 3, error: '5 workers were disconnected while they had it' })
    expect(killed).toBe(5)
  })

  test('a time-out hands over to another socket, and a late answer has no effect', async () => {
    const dispatcher = dispatch({ timeout: 1000, prefetch: 2 })
    const slow = await worker()
    const result = queue.request('x')
    await until('it came', () => slow.jobs.length === 1)
    const fast = await worker()
    const { reason, to } = await event(dispatcher, 'hand-over')
    expect([reason, to.id]).toEqual(['timeout', fast.client.id])
    await until('it came to the other', () => fast.jobs.length === 1)
    expect(fast.jobs[0].meta).toEqual({ ...slow.jobs[0].meta, attempt: 2 })
    slow.jobs[0].ack({ ok: true, result: 'late' })
    const late = await event(dispatcher, 'late-answer')
    expect([late.id, late.socket.id]).toEqual([slow.jobs[0].meta.id, slow.client.id])
    fast.jobs[0].ack({ ok: true, result: 'in time' })
    expect(await result).toBe('in time')
    expect(dispatcher.stats()).toMatchObject({ timedOut: 1, lateAnswers: 1, slots: 4, inFlight: 0, completed: 1 })
  })

  test('a socket that does not answer is not given another for as long again', async () => {
    const dispatcher = dispatch({ timeout: 50 })
    const { client, jobs } = await worker()
    const at = []
    client.on('job', () => at.push(performance.now()))
    await queue.send('x')
    await until('the first', () => dispatcher.stats().timedOut === 1)
    expect(dispatcher.stats()).toMatchObject({ sockets: 1, slots: 0 })
    await until('all attempts', () => jobs.length === 3)
    expect(at[1] - at[0]).toBeGreaterThan(90)
    await until('Socket.IO has forgotten', () => server.socketOf(client).acks.size === 0)
    expect(dispatcher.stats()).toMatchObject({ slots: 1, timedOut: 3 })
    const [dead] = await queues.queue('dead').peek()
    expect(dead.history.map(({ error }) => error)).toEqual(Array(3).fill('the worker did not answer within timeout (50 ms)'))
  })

  test('any operator: a namespace, rooms without others, rooms joined before the connection is made', async () => {
    const nsp = server.io.of('/workers')
    nsp.use((socket, proceed) => {
      socket.join('a')
      if (socket.handshake.auth.busy) socket.join('busy')
      proceed()
    })
    const [first, busy] = [await server.connect({}, '/workers'), await server.connect({ auth: { busy: true } }, '/workers')]
    const dispatcher = queue.dispatch(nsp.in('a').except('busy'), { event: 'job' })
    const everywhere = queues.queue('other').dispatch(nsp, { event: 'other' })
    const third = await server.connect({}, '/workers')
    await until('all are known', () => everywhere.stats().sockets === 3)
    expect(dispatcher.stats().sockets).toBe(2)
    nsp.sockets.get(busy.id).leave('busy')
    nsp.sockets.get(third.id).join('busy')
    await event(dispatcher, 'join')
    await until('the change is known', () => dispatcher.stats().sockets === 2)
    const got = [first, busy, third].map((client) => jobsOf(client, () => true))
    await sendAll(queue, [1, 2, 3, 4])
    await within('the end', queue.drain())
    expect(got[2]).toEqual([])
    expect(got[0].length + got[1].length).toBe(4)
    await everywhere.close()
    await dispatcher.close()
    for (const name of ['join-room', 'leave-room']) expect(nsp.adapter.listenerCount(name)).toBe(0)
    expect(nsp.listenerCount('connection')).toBe(0)
  })

  test('paused it takes nothing; closed it waits for answers, and gives back the rest', async () => {
    const { jobs } = await worker()
    const dispatcher = dispatch({ prefetch: 2 }).pause()
    await sendAll(queue, [1, 2, 3])
    await queues.flush()
    expect([dispatcher.paused, jobs.length]).toEqual([true, 0])
    dispatcher.resume()
    await until('two came', () => jobs.length === 2)
    const closing = dispatcher.close({ timeout: 100 })
    jobs[0].ack()
    await within('the dispatcher to close', closing)
    jobs[1].ack()
    await until('it came too late', () => dispatcher.stats().lateAnswers === 1)
    expect(await queue.stats()).toMatchObject({ completed: 1, active: 0, ready: 2, workers: 0 })
    expect((await queue.peek()).map(({ payload, attempts }) => [payload, attempts])).toEqual([[2, 0], [3, 0]])
  })

  test('payloads of every kind arrive as what they are', async () => {
    const { jobs } = await worker(() => null)
    dispatch()
    await sendAll(queue, ['text', Buffer.from([1, 2]), { a: [null] }, 5])
    await within('the end', queue.drain())
    expect(jobs.map(({ payload }) => payload)).toEqual(['text', Buffer.from([1, 2]), { a: [null] }, 5])
  })
})

test('what is wrong is said at once', async () => {
  const server = await openServer(ADAPTERS[0])
  const queue = open({ memory: true }).queue('q')
  const { io } = server
  const wrong = (operator, options, message) =>
    expect(() => queue.dispatch(operator, options)).toThrow(expect.objectContaining({ code: 'QUEUE_OPTION_INVALID', message }))
  wrong(io, {}, expect.stringMatching(/an event to emit/))
  wrong(io, { event: 'disconnect' }, expect.stringMatching(/not one of those of Socket.IO/))
  wrong(io, { event: 'job', prefetch: 0 }, expect.stringMatching(/prefetch to be an integer from 1/))
  wrong(io, { event: 'job', strategy: 'random' }, expect.stringMatching(/"least-loaded" or "round-robin" or "sticky"/))
  wrong('gpu', { event: 'job' }, expect.stringMatching(/a namespace or a broadcast operator/))
  wrong(io.of(/^\/x/), { event: 'job' }, expect.stringMatching(/not a pattern/))
})
