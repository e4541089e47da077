'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { createQueues } = require('../..')
const { STORES, collect, deferred, directory, event, open, payloads, sendAll, within } = require('../support/queues')

describe.each(STORES)('closing (%s)', (name, store) => {
  test('a worker finishes what runs, and gives back the rest', async () => {
    const queue = open(store()).queue('q')
    await sendAll(queue, [1, 2, 3, 4, 5])
    const done = deferred()
    const worker = collect(queue, 2, { concurrency: 2, prefetch: 2, handler: () => done.promise })
    const running = await worker.collected
    const closed = worker.close()
    expect(worker.close()).toBe(closed)
    done.resolve()
    await within('the worker to close', closed)
    expect(running.map(({ payload }) => payload)).toEqual([1, 2])
    expect(await queue.stats()).toMatchObject({ completed: 2, ready: 3, active: 0, workers: 0 })
    const other = collect(queue, 3, { concurrency: 3 })
    expect((await other.collected).map(({ payload, attempt }) => [payload, attempt])).toEqual([
      [3, 1],
      [4, 1],
      [5, 1],
    ])
  })

  test('a worker that waits no longer gives back what still runs, and aborts it', async () => {
    const queue = open(store()).queue('q')
    await queue.send('x')
    const reasons = []
    const worker = collect(queue, 1, {
      handler: (_message, { signal }) =>
        new Promise(() => signal.addEventListener('abort', () => reasons.push(signal.reason.code))),
    })
    const [message] = await worker.collected
    await within('the worker to close', worker.close({ timeout: 5 }))
    expect(reasons).toEqual(['QUEUE_LEASE_ENDED'])
    await expect(message.ack()).rejects.toMatchObject({ code: 'QUEUE_LEASE_ENDED' })
    expect(await payloads(queue, 1)).toEqual(['x'])
  })

  test('a handler that closes its own worker', async () => {
    const queue = open(store()).queue('q')
    await sendAll(queue, [1, 2, 3])
    const seen = []
    const worker = queue.consume(({ payload }) => {
      seen.push(payload)
      if (payload === 2) worker.close()
    }, { prefetch: 5 })
    await event(worker, 'closed')
    expect(seen).toEqual([1, 2])
    expect(await queue.stats()).toMatchObject({ completed: 2, ready: 1 })
  })

  test('every pending promise settles', async () => {
    const queues = open(store())
    const queue = queues.queue('q', { maxLength: 2, overflow: 'wait' })
    await queue.send(0)
    const pending = Promise.allSettled([
      queue.request('?'),
      queue.send('waits for room'),
      queue.drain(),
      queue.peek(),
      queue.sendBatch([{ payload: 1 }, { payload: 2 }]),
      queues.flush(),
    ])
    await within('the queues to close', queues.close())
    const outcomes = await within('all promises', pending)
    expect(outcomes.map(({ status, reason }) => reason?.code ?? status)).toEqual([
      'QUEUE_CLOSED',
      'QUEUE_CLOSED',
      'QUEUE_CLOSED',
      'fulfilled',
      expect.any(String),
      expect.any(String),
    ])
  })

  test('sends of the last tick are stored', async () => {
    const options = store()
    const queues = open(options)
    const queue = queues.queue('q')
    const sent = Promise.all([queue.send(1), queue.send(2)])
    await queues.close()
    expect(await sent).toHaveLength(2)
  })

  test('a handler that runs may still send; afterwards nothing is taken', async () => {
    const queues = open(store())
    const [queue, next] = [queues.queue('q'), queues.queue('next')]
    await queue.send('x')
    const go = deferred()
    const worker = collect(queue, 1, {
      async handler() {
        await go.promise
        return next.send('follow-up')
      },
    })
    await worker.collected
    const closed = queues.close()
    go.resolve()
    await within('the queues to close', closed)
    expect(worker.running).toBe(0)
    const refused = { code: 'QUEUE_CLOSED', message: expect.stringMatching('createQueues') }
    await expect(queue.send('x')).rejects.toMatchObject(refused)
    await expect(queue.sendBatch([{ payload: 1 }])).rejects.toMatchObject(refused)
    await expect(queue.request('x')).rejects.toMatchObject(refused)
    await expect(queue.stats()).rejects.toMatchObject(refused)
    await expect(queues.names()).rejects.toMatchObject(refused)
    expect(() => queues.queue('other')).toThrow(expect.objectContaining(refused))
    expect(() => queue.consume(() => {})).toThrow(expect.objectContaining(refused))
    await within('a second close', queues.close())
  })

  test('a thousand queues, each with its messages', async () => {
    const queues = open(store())
    const all = Array.from({ length: 1000 }, (_unused, n) => queues.queue(`q${n}`))
    await Promise.all(all.map((queue, n) => queue.send(n)))
    const answers = await Promise.all(all.map((queue) => queue.peek()))
    expect(answers.map(([{ payload }]) => payload)).toEqual(all.map((_queue, n) => n))
    expect(await queues.names()).toHaveLength(1000)
  })

  // In Redis five times as long.
  const batches = name === 'redis' ? 8 : 40
  test(`a backlog of ${batches * 5000} goes in and out`, async () => {
    const queue = open(store()).queue('q')
    const batch = Array.from({ length: 5000 }, (_unused, n) => ({ payload: n }))
    for (let i = 0; i < batches; i++) await queue.sendBatch(batch)
    expect(await queue.stats()).toMatchObject({ ready: batches * 5000 })
    let [count, wrong] = [0, 0]
    const worker = queue.consume(({ payload }) => void (wrong += payload === count++ % 5000 ? 0 : 1), {
      concurrency: 1000,
    })
    await within('the end', queue.drain())
    await worker.close()
    expect([count, wrong]).toEqual([batches * 5000, 0])
  })
})

describe('the disk store', () => {
  test('what was sent is there again, with its queue, its keys and its schedules', async () => {
    const options = { path: path.join(directory(), 'made', 'for', 'it') }
    const before = open(options)
    const queue = before.queue('q', { maxAttempts: 1, deadLetter: 'dead' })
    await queue.sendBatch([
      { payload: 1, key: 'k', headers: { h: 'ü' } },
      { payload: Buffer.from('2'), key: 'k' },
      { payload: 'late', delay: 60_000 },
    ])
    await queue.repeat('r', { cron: '0 0 1 1 *' }, 'yearly')
    await queue.pause()
    await before.close()

    const after = open(options)
    expect(await after.ready()).toMatchObject({ messages: 3, tornBytes: 0, quarantined: 0 })
    const again = after.queue('q')
    expect(await again.stats()).toMatchObject({ paused: true, ready: 1, blocked: 1, delayed: 1 })
    expect(await again.repeats()).toMatchObject([{ name: 'r', payload: 'yearly' }])
    await again.resume()
    const worker = again.consume(() => Promise.reject(new Error('no')))
    await within('two dead letters', Promise.all([event(again, 'dead'), deadLetters(after, 2)]))
    await worker.close()
    const letters = (await after.queue('dead').list()).messages
    expect(letters.map(({ payload, origin }) => [payload, origin])).toEqual([
      [1, 'q'],
      [Buffer.from('2'), 'q'],
    ])
  })

  test('a directory is one engine\'s: another is refused with the holder\'s pid', async () => {
    const options = { path: directory() }
    await open(options).ready()
    const second = createQueues(options)
    const failed = event(second, 'error')
    const sent = second.queue('q').send(1)
    sent.catch(() => {})
    const expected = { code: 'QUEUE_LOCKED', message: expect.stringMatching(`process ${process.pid}`) }
    await expect(second.ready()).rejects.toMatchObject(expected)
    await expect(sent).rejects.toMatchObject(expected)
    expect(await failed).toMatchObject(expected)
    await within('the refused one to close', second.close())
  })

  test.each([
    ['a file', (where) => fs.writeFileSync(where, 'x')],
    ['below a file', (where) => fs.writeFileSync(path.dirname(where), 'x')],
  ])('a path that is %s fails with what the system says', async (_name, spoil) => {
    const where = path.join(directory(), 'folder', 'queues')
    if (_name === 'a file') fs.mkdirSync(path.dirname(where))
    spoil(where)
    const queues = open({ path: where })
    queues.on('error', () => {})
    const queue = queues.queue('q')
    const expected = { code: 'QUEUE_STORE_FAILED', message: expect.stringContaining(where) }
    await expect(queues.ready()).rejects.toMatchObject(expected)
    await expect(queue.send(1)).rejects.toMatchObject(expected)
    expect(() => queues.queue('other')).toThrow(expect.objectContaining(expected))
  })

  test('without a listener, a store that cannot be opened is a warning', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const where = path.join(directory(), 'file')
    fs.writeFileSync(where, 'x')
    await within('it to close', event(createQueues({ path: where }), 'closed'))
    expect(warn.mock.calls).toEqual([[expect.stringContaining(where), expect.objectContaining({ code: 'QUEUE_STORE_FAILED' })]])
    warn.mockRestore()
  })

  test('a torn tail is cut and counted', async () => {
    const options = { path: directory(), segmentBytes: 65_536 }
    const before = open(options)
    await before.queue('q').send('whole')
    // Without an end: as after a loss of power.
    const copy = directory()
    fs.cpSync(options.path, copy, { recursive: true, filter: (name) => !name.endsWith('lock') })
    const after = open({ ...options, path: copy })
    await after.ready()
    expect((await after.queue('q').peek())[0].payload).toBe('whole')
  })
})

/** Resolves when so many messages are there. */
async function deadLetters(queues, count) {
  const dead = queues.queue('dead')
  for (let there = 0; there < count; ) {
    const { ready, blocked } = await dead.stats()
    there = ready + blocked
  }
}
