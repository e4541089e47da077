'use strict'

const { ADAPTERS } = require('../support/adapters')
const { until, within } = require('../support/events')
const { STORES, event, open, sendAll } = require('../support/queues')
const { servers } = require('../support/server')
const { worker: newWorker } = require('../support/workers')

const openServer = servers()

describe.each(STORES)('who gets a message, and what is answered (%s store)', (_, options) => {
  let queues, server, queue
  beforeEach(async () => {
    queues = open(options())
    server = await openServer(ADAPTERS[1])
    queue = queues.queue('q', { backoff: 5, maxAttempts: 3, deadLetter: 'dead' })
  })

  const worker = (answer, room) => newWorker(server, answer, room)
  const dispatch = (more) => queue.dispatch(server.io.in('gpu'), { event: 'job', ...more })

  test('least-loaded: who has least; round-robin: one after the other; sticky: a key keeps its socket', async () => {
    const workers = [await worker(), await worker(), await worker()]
    const counts = () => workers.map(({ jobs }) => jobs.length)
    let dispatcher = dispatch({ prefetch: 4 })
    await sendAll(queue, Array.from({ length: 6 }, (_unused, n) => n))
    await until('six came', () => counts().reduce((a, b) => a + b) === 6)
    expect(counts()).toEqual([2, 2, 2])
    for (const { ack } of [...workers[1].jobs]) ack()
    await until('two are answered', () => dispatcher.stats().completed === 2)
    await sendAll(queue, [6, 7])
    await until('eight came', () => counts().reduce((a, b) => a + b) === 8)
    expect(counts()).toEqual([2, 4, 2])
    for (const { jobs } of workers) for (const { ack } of jobs.splice(0)) ack()
    await dispatcher.close()

    dispatcher = dispatch({ prefetch: 4, strategy: 'round-robin' })
    await sendAll(queue, Array.from({ length: 9 }, (_unused, n) => n))
    await until('nine came', () => counts().reduce((a, b) => a + b) === 9)
    expect(counts()).toEqual([3, 3, 3])
    for (const { jobs } of workers) for (const { ack } of jobs.splice(0)) ack()
    await dispatcher.close()

    dispatcher = dispatch({ prefetch: 1, strategy: 'sticky' })
    const keys = Array.from({ length: 60 }, (_unused, n) => ({ payload: n, key: `k${n % 6}` }))
    for (const { client } of workers) client.on('job', (_payload, _meta, ack) => setImmediate(ack, null))
    await queue.sendBatch(keys)
    await within('the end', queue.drain())
    const sets = workers.map(({ jobs }) => new Set(jobs.map(({ meta }) => meta.key)))
    expect(sets.reduce((sum, { size }) => sum + size, 0)).toBe(6)
    for (const { jobs } of workers) {
      const byKey = new Map()
      for (const { payload, meta } of jobs) {
        expect(payload).toBeGreaterThan(byKey.get(meta.key) ?? -1)
        byKey.set(meta.key, payload)
      }
    }
    // Its socket is gone: the key moves, and what waited for it does.
    workers[0].client.disconnect()
    await event(dispatcher, 'leave')
    await queue.sendBatch(keys)
    await within('the end', queue.drain())
    expect(dispatcher.stats()).toMatchObject({ waiting: 0, inFlight: 0, sockets: 2, completed: 120 })
  })

  test('bytes in a payload and in a result stay bytes, and null stays null', async () => {
    const answers = [(payload) => ({ ok: true, result: { of: payload.name, body: payload.body } }), () => ({ ok: true, result: null })]
    const { client } = await worker(undefined)
    client.on('job', (payload, _meta, ack) => ack(answers.shift()(payload)))
    dispatch()
    const body = Buffer.from([0, 255])
    expect(await within('an answer', queue.request({ name: 'a', body }))).toEqual({ of: 'a', body })
    expect(await within('an answer', queue.request(null))).toBe(null)
  })

  test('answers are hostile', async () => {
    const deep = '['.repeat(50_000) + ']'.repeat(50_000)
    const answers = [
      null,
      0,
      'text',
      [1, [2]],
      { ok: true, result: { deep: true }, junk: 'x'.repeat(1000) },
      Buffer.from('bytes'),
      { ok: true, result: 'x'.repeat(300) },
      { ok: false },
      { error: { message: { toString: 'nonsense' } } },
      { error: 'x'.repeat(50_000) },
      { error: [[[[[[]]]]]] },
      JSON.parse('{"__proto__": {"ok": true}, "constructor": 1}'),
      { ok: true, result: JSON.parse(deep) },
    ]
    const sent = answers.length
    const { client } = await worker(undefined, null)
    const outcomes = new Map()
    queue.on('completed', ({ id, result }) => outcomes.set(id, result))
    queue.on('dead', ({ id, error }) => outcomes.set(id, new Error(error)))
    client.on('job', (n, _meta, ack) => {
      ack(answers[n], 'more', {})
      ack('again')
    })
    // The client's own parser cannot write it.
    client.onevent = ((original) => function (packet) {
      const [, n] = packet.data
      if (n === sent - 1) client.io.engine.write(`3${packet.id}[{"ok":true,"result":${deep}}]`)
      else original.call(this, packet)
    })(client.onevent)
    server.socketOf(client).join('gpu')
    queue = queues.queue('q', { maxAttempts: 1 })
    const dispatcher = queue.dispatch(server.io.in('gpu'), { event: 'job', maxResultBytes: 200, prefetch: 4 })
    const receipts = await sendAll(queue, answers.map((_answer, n) => n))
    await until('each has an outcome', () => outcomes.size === sent)
    const found = receipts.map(({ id }) => outcomes.get(id))
    expect(found.slice(0, 6)).toEqual([undefined, 0, 'text', [1, [2]], { deep: true }, Buffer.from('bytes')])
    expect(found[6].message).toMatch(/at most 200 bytes/)
    expect(found[7].message).toMatch(/without ok: true/)
    expect(found[8]).toBeInstanceOf(Error)
    expect(found[9].message.length).toBeLessThan(3000)
    expect(found[10]).toBeInstanceOf(Error)
    expect(Object.getPrototypeOf(found[11])).toBe(Object.prototype)
    expect(found[12]).toBeInstanceOf(Error)
    expect(dispatcher.stats()).toMatchObject({ inFlight: 0, lateAnswers: 0, sockets: 1 })
  })
})
