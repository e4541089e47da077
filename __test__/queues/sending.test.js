'use strict'

const { STORES, collect, event, open, payloads, sendAll, within } = require('../support/queues')

describe.each(STORES)('sending (%s)', (_, store) => {
  let queues
  beforeEach(() => (queues = open(store())))

  test.each([
    ['JSON', { to: 'a@b.c', list: [1, null, 'ü€😀'], nested: { yes: true } }],
    ['a number', 42],
    ['null', null],
    ['nothing', undefined],
    ['an empty text', ''],
    ['text', 'ü€😀 lone \ufffd'],
    ['a long text', 'ü'.repeat(300_000)],
    ['bytes', Buffer.from([0, 1, 254, 255])],
    ['no bytes', Buffer.alloc(0)],
    ['many bytes', Buffer.alloc(300_000, 7)],
    ['bytes somewhere in it', { to: 'ü', files: [{ name: 'a', body: Buffer.from([0, 255]) }, { body: Buffer.alloc(0) }], text: '0' }],
    ['bytes deep in it', Array.from({ length: 200 }).reduce((inner) => [inner], Buffer.from('deep'))],
    ['what looks like a Buffer', { type: 'Buffer', data: [1, 2], of: [{ type: 'Buffer', data: [300] }] }],
    ['a key __proto__ beside bytes', JSON.parse('{ "__proto__": 1, "b": [] }', (key, value) => (key === 'b' ? Buffer.from('b') : value))],
  ])('%s arrives as it was sent', async (_name, payload) => {
    const queue = queues.queue('q')
    await queue.send(payload)
    expect((await queue.peek())[0].payload).toEqual(payload)
    expect(await payloads(queue, 1)).toEqual([payload])
  })

  test.each([
    ['a typed array', new Uint16Array([1, 2])],
    ['a view', new DataView(new Uint8Array([9, 1, 0, 2, 0, 9]).buffer, 1, 4)],
    ['an ArrayBuffer', new Uint8Array([1, 0, 2, 0]).buffer],
  ])('%s arrives as a Buffer of its bytes', async (_name, payload) => {
    const queue = queues.queue('q')
    await queue.send(payload)
    const [got] = await payloads(queue, 1)
    expect(Buffer.isBuffer(got)).toBe(true)
    expect([...got]).toEqual([1, 0, 2, 0])
  })

  test('typed arrays in an object arrive as Buffers, and what has a toJSON() as that says', async () => {
    const queue = queues.queue('q')
    const bytes = new Uint8Array([9, 1, 2, 9]).buffer
    const secret = { toJSON: () => ({ shown: Buffer.from('s') }), hidden: Buffer.from('h') }
    await queue.send({ a: new Uint8Array(bytes, 1, 2), b: new Uint16Array([1]), c: bytes, d: new Date(5), e: undefined, f: secret })
    expect(await payloads(queue, 1)).toEqual([
      {
        a: Buffer.from([1, 2]),
        b: Buffer.from([1, 0]),
        c: Buffer.from([9, 1, 2, 9]),
        d: '1970-01-01T00:00:00.005Z',
        f: { shown: Buffer.from('s') },
      },
    ])
  })

  test('what belongs to a message arrives with it', async () => {
    const queue = queues.queue('q')
    const before = Date.now()
    const { id } = await queue.send('x', {
      headers: { trace: 'ü-1', empty: '' },
      key: 'user:42',
      priority: 3,
      ttl: 60_000,
      deliverAt: new Date(before + 200),
    })
    const worker = collect(queue, 1)
    const [message] = await worker.collected
    expect(message).toMatchObject({ id, key: 'user:42', priority: 3, attempt: 1, deliverAt: before + 200 })
    expect(message.headers).toEqual({ trace: 'ü-1', empty: '' })
    expect(message.sentAt).toBeGreaterThanOrEqual(before)
    expect(message.expiresAt - message.sentAt).toBeGreaterThanOrEqual(59_000)
    expect(Date.now()).toBeGreaterThanOrEqual(before + 200)
    expect(JSON.parse(JSON.stringify(message))).toMatchObject({ id, payload: 'x' })
    expect(require('node:util').inspect(message)).toContain("payload: 'x'")
  })

  test('ids grow, and messages come first in, first out', async () => {
    const queue = queues.queue('q')
    const receipts = await Promise.all(Array.from({ length: 500 }, (_unused, n) => queue.send(n)))
    const ids = receipts.map(({ id }) => id)
    expect([...ids].sort()).toEqual(ids)
    expect(new Set(ids).size).toBe(500)
    expect(await payloads(queue, 500)).toEqual(Array.from({ length: 500 }, (_unused, n) => n))
  })

  test('sends of a tick keep their order whatever their size, across more than one block', async () => {
    const queue = queues.queue('q')
    const sizes = Array.from({ length: 200 }, (_unused, n) => (n % 7 === 0 ? 40_000 : n * 30))
    await Promise.all(sizes.map((size, n) => queue.send(n % 2 ? Buffer.alloc(size, n) : 'x'.repeat(size))))
    expect((await payloads(queue, 200)).map((payload) => payload.length)).toEqual(sizes)
  })

  test('a batch tells what became of each message', async () => {
    const queue = queues.queue('q', { maxMessageBytes: 1000 })
    const results = await queue.sendBatch([
      { payload: 1, dedupId: 'same' },
      { payload: 'x'.repeat(2000) },
      { payload: 3, dedupId: 'same' },
      { payload: 4 },
    ])
    expect(results[0]).toEqual({ id: expect.stringMatching(/^[0-9a-f]{16}$/), duplicate: false })
    expect(results[1].error.code).toBe('QUEUE_MESSAGE_TOO_LARGE')
    expect(results[2]).toEqual({ id: results[0].id, duplicate: true })
    expect(await payloads(queue, 2)).toEqual([1, 4])
    expect(await queue.sendBatch([])).toEqual([])
  })

  test('a toJSON() that sends itself comes first, whole', async () => {
    const queue = queues.queue('q')
    const inner = []
    await queue.send({ toJSON: () => inner.push(queue.send('inner')) && 'outer' })
    await Promise.all(inner)
    expect(await payloads(queue, 2)).toEqual(['inner', 'outer'])
  })

  test('priorities', async () => {
    const queue = queues.queue('q')
    await queue.sendBatch([0, 255, 3, 3, 1].map((priority, n) => ({ payload: n, priority })))
    expect(await payloads(queue, 5)).toEqual([1, 2, 3, 4, 0])
  })

  test('a delayed message waits for its time, others do not', async () => {
    const queue = queues.queue('q')
    const began = Date.now()
    await queue.send('late', { delay: 30.5 })
    await queue.send('now')
    expect(await queue.stats()).toMatchObject({ delayed: 1, ready: 1 })
    expect(await payloads(queue, 2)).toEqual(['now', 'late'])
    expect(Date.now() - began).toBeGreaterThanOrEqual(30)
  })

  test('a message that nobody took within its ttl expires', async () => {
    const queue = queues.queue('q', { deadLetter: 'dead', deadLetterExpired: true })
    const expired = event(queue, 'expired')
    const { id } = await queue.send('x', { ttl: 5 })
    expect(await expired).toEqual({ id })
    expect((await queues.queue('dead').peek())[0]).toMatchObject({ payload: 'x', origin: 'q' })
    expect(await queue.stats()).toMatchObject({ ready: 0, expired: 1 })
  })

  test('a dedupId is sent once within its window', async () => {
    const queue = queues.queue('q', { dedupWindow: 60_000 })
    const first = await queue.send(1, { dedupId: 'a' })
    expect(await queue.send(2, { dedupId: 'a' })).toEqual({ id: first.id, duplicate: true })
    expect(await payloads(queue, 1)).toEqual([1])
    expect(await queue.send(3, { dedupId: 'a' })).toEqual({ id: first.id, duplicate: true })
    const brief = queues.queue('brief', { dedupWindow: 1 })
    await brief.send(1, { dedupId: 'a' })
    const expired = event(brief, 'expired')
    await brief.send('the clock', { ttl: 20 })
    const got = collect(brief, 1)
    await got.collected
    await got.close()
    await brief.send('the clock', { ttl: 5 })
    await expired
    expect(await brief.send(2, { dedupId: 'a' })).toMatchObject({ duplicate: false })
  })

  test('keys: in order and one at a time, other keys go on', async () => {
    const queue = queues.queue('q')
    await sendAll(queue, [1, 2, 3], { key: 'a' })
    await sendAll(queue, [10, 20], { key: 'b' })
    const running = new Map()
    let most = 0
    const seen = { a: [], b: [] }
    const worker = collect(queue, 5, {
      concurrency: 10,
      async handler({ key, payload }) {
        running.set(key, (running.get(key) ?? 0) + 1)
        most = Math.max(most, running.get(key))
        seen[key].push(payload)
        await new Promise(setImmediate)
        running.set(key, running.get(key) - 1)
      },
    })
    await worker.collected
    await worker.close()
    expect(seen).toEqual({ a: [1, 2, 3], b: [10, 20] })
    expect(most).toBe(1)
  })

  describe('a full queue', () => {
    test('rejects', async () => {
      const queue = queues.queue('q', { maxLength: 2 })
      await sendAll(queue, [1, 2])
      await expect(queue.send(3)).rejects.toMatchObject({ code: 'QUEUE_FULL', name: 'QueueFullError' })
      expect(await payloads(queue, 2)).toEqual([1, 2])
    })

    test('drops the oldest', async () => {
      const queue = queues.queue('q', { maxLength: 2, overflow: 'dropOldest' })
      const dropped = event(queue, 'dropped')
      const [{ id }] = await sendAll(queue, [1, 2, 3])
      expect(await dropped).toEqual({ id })
      expect(await payloads(queue, 2)).toEqual([2, 3])
    })

    test('lets senders wait', async () => {
      const queue = queues.queue('q', { maxLength: 2, overflow: 'wait' })
      await sendAll(queue, [1, 2])
      let stored = false
      const third = queue.send(3).then(() => (stored = true))
      expect(await queue.stats()).toMatchObject({ waitingSends: 1, ready: 2 })
      expect(stored).toBe(false)
      expect(await payloads(queue, 3)).toEqual([1, 2, 3])
      await within('the third send', third)
    })

    test('counts bytes', async () => {
      const queue = queues.queue('q', { maxBytes: 1000 })
      await queue.send('x'.repeat(800))
      await expect(queue.send('x'.repeat(800))).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    })
  })

  test('who awaits each send in a loop leaves the event loop its turns', async () => {
    const queue = queues.queue('q')
    let [turns, sent] = [0, 0]
    const timer = setInterval(() => turns++, 1)
    while (turns < 3 && sent < 200_000) sent += (await queue.send(sent)) ? 1 : 0
    clearInterval(timer)
    expect(turns).toBeGreaterThanOrEqual(3)
    expect((await queue.stats()).ready).toBe(sent)
  }, 20_000)
})
