'use strict'

const { STORES, collect, deferred, event, open, payloads, sendAll, within } = require('../support/queues')

const NOBODY = '0000000000000001'

describe.each(STORES)('managing (%s)', (_, store) => {
  let queues
  beforeEach(() => (queues = open(store())))

  test('pause and resume', async () => {
    const queue = queues.queue('q')
    const [paused, resumed] = [event(queue, 'paused'), event(queue, 'resumed')]
    await queue.pause()
    await paused
    const worker = collect(queue, 1)
    await queue.send(1)
    expect(await queue.stats()).toMatchObject({ paused: true, ready: 1, workers: 1, active: 0 })
    await queue.resume()
    await Promise.all([resumed, worker.collected])
  })

  test('drain, purge, and the event of an empty queue', async () => {
    const queue = queues.queue('q')
    await within('the end of an empty queue', queue.drain())
    await sendAll(queue, [1, 2, 3], { delay: 60_000 })
    const [drained, drain] = [event(queue, 'drained'), queue.drain()]
    expect(await queue.purge()).toBe(3)
    await Promise.all([drained, within('the end', drain)])
    expect(await queue.purge()).toBe(0)
  })

  test('peek shows what comes next, and takes nothing', async () => {
    const queue = queues.queue('q')
    await queue.sendBatch([{ payload: 1 }, { payload: 2, priority: 1, headers: { h: '1' }, key: 'k' }])
    const [first, second] = await queue.peek(5)
    expect(first).toMatchObject({ payload: 2, headers: { h: '1' }, key: 'k', priority: 1, state: 'ready', attempts: 0 })
    expect(second).toMatchObject({ payload: 1, headers: {}, history: [] })
    expect(await queue.peek(1)).toHaveLength(1)
    expect(await payloads(queue, 2)).toEqual([2, 1])
  })

  test('list finds each message once, by its state', async () => {
    const queue = queues.queue('q')
    await sendAll(queue, Array.from({ length: 250 }, (_unused, n) => n))
    await sendAll(queue, ['late'], { delay: 60_000 })
    await sendAll(queue, ['first', 'behind'], { key: 'k' })
    const found = []
    let cursor
    do {
      const page = await queue.list({ state: 'ready', cursor, limit: 100 })
      found.push(...page.messages.map(({ payload }) => payload))
      cursor = page.next
    } while (cursor !== undefined)
    expect(found.sort()).toEqual([...Array.from({ length: 250 }, (_unused, n) => n), 'first'].sort())
    const one = async (state) => (await queue.list({ state })).messages.map(({ payload }) => payload)
    expect(await one('delayed')).toEqual(['late'])
    expect(await one('blocked')).toEqual(['behind'])
    expect(await one('active')).toEqual([])
  })

  test('get, remove, promote, reschedule, move', async () => {
    const [queue, other] = [queues.queue('q'), queues.queue('other')]
    const ids = (await sendAll(queue, [0, 1, 2, 3, 4], { delay: 60_000 })).map(({ id }) => id)
    expect(await queue.get(ids[0])).toMatchObject({ id: ids[0], payload: 0, state: 'delayed' })
    await queue.remove(ids[0])
    expect(await queue.get(ids[0])).toBeUndefined()
    await queue.promote(ids[1])
    expect((await queue.peek()).map(({ payload }) => payload)).toEqual([1])
    await queue.reschedule(ids[2], 1)
    await queue.reschedule(ids[3], new Date(Date.now() + 1))
    await queue.move(ids[4], other)
    expect(await other.get(ids[4])).toMatchObject({ payload: 4, state: 'delayed' })
    expect((await payloads(queue, 3)).sort()).toEqual([1, 2, 3])
    expect(await other.moveAll('third')).toBe(1)
    expect(await queues.queue('third').get(ids[4])).toMatchObject({ payload: 4 })
    for (const action of ['remove', 'promote']) {
      await expect(queue[action](NOBODY)).rejects.toMatchObject({ code: 'QUEUE_MESSAGE_NOT_FOUND' })
    }
  })

  test('what is put off says so, and stays so in another queue; so does what waits for its next attempt', async () => {
    const queue = queues.queue('q', { backoff: 500_000 })
    const { id } = await queue.send(1, { delay: 60_000 })
    const dueIn = async (of, what) => Math.round(((await of.get(what)).deliverAt - Date.now()) / 10_000)
    expect(await dueIn(queue, id)).toBe(6)
    await queue.reschedule(id, 200_000)
    expect(await dueIn(queue, id)).toBe(20)
    await queue.reschedule(id, new Date(Date.now() + 300_000))
    await queue.move(id, 'other')
    expect(await dueIn(queues.queue('other'), id)).toBe(30)
    const failing = await queue.send(2)
    queue.consume(() => Promise.reject(new Error('no')))
    await event(queue, 'retried')
    expect(await dueIn(queue, failing.id)).toBe(50)
  })

  test('what a worker holds stays', async () => {
    const queue = queues.queue('q')
    const { id } = await queue.send(1)
    const done = deferred()
    const worker = collect(queue, 1, { handler: () => done.promise })
    await worker.collected
    await expect(queue.remove(id)).rejects.toMatchObject({ code: 'QUEUE_MESSAGE_HELD' })
    expect(await queue.purge()).toBe(0)
    expect(await queue.get(id)).toMatchObject({ state: 'active', attempts: 1 })
    done.resolve()
    await within('the end', queue.drain())
  })

  test('redrive: one dead letter, or all, back to where they died', async () => {
    const queue = queues.queue('q', { maxAttempts: 1, deadLetter: 'dead' })
    const dead = queues.queue('dead')
    await sendAll(queue, [1, 2, 3])
    const failing = queue.consume(() => Promise.reject(new Error('no')))
    await within('the end', queue.drain())
    await failing.close()
    const [first] = await dead.peek()
    await dead.redrive(first.id)
    expect((await queue.peek()).map(({ payload, attempts }) => [payload, attempts])).toEqual([[1, 0]])
    expect(await dead.redriveAll({ limit: 1 })).toBe(1)
    expect(await dead.redriveAll()).toBe(1)
    expect(await payloads(queue, 3)).toEqual([1, 2, 3])
  })

  test('stats count', async () => {
    const queue = queues.queue('q')
    await queue.send('x', { key: 'k' })
    const before = await queue.stats()
    expect(before).toMatchObject({ ready: 1, keys: 1, sent: 1, delivered: 0, workers: 0, paused: false })
    expect(before.bytes).toBeGreaterThan(2)
    expect(before.oldestReady).toBeGreaterThanOrEqual(0)
    await payloads(queue, 1)
    const after = await queue.stats()
    expect(after).toMatchObject({ ready: 0, delivered: 1, completed: 1, oldestReady: null })
    expect(after.runTime).toMatchObject({ count: 1 })
    expect(after.waitTime.buckets.reduce((sum, count) => sum + count)).toBe(1)
  })

  test('names are those of the store', async () => {
    queues.queue('b')
    await queues.queue('a', { deadLetter: 'c' }).send(1)
    expect((await queues.names()).sort()).toEqual(expect.arrayContaining(['a', 'b']))
    expect(queues.queue('a')).toBe(queues.queue('a'))
  })

  test('options given again take the place of the old', async () => {
    const queue = queues.queue('q', { maxLength: 1 })
    await queue.send(1)
    await expect(queue.send(2)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    expect(queues.queue('q', { maxLength: 2 })).toBe(queue)
    await queue.send(2)
    queues.queue('q')
    await expect(queue.send(3)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
  })

  describe('repeating', () => {
    test('by interval, to a limit', async () => {
      const queue = queues.queue('q')
      await queue.repeat('tick', { every: 5, limit: 3 }, { n: 1 }, { headers: { h: '1' }, priority: 2, key: 'k' })
      const worker = collect(queue, 3)
      const messages = await worker.collected
      expect(messages[0]).toMatchObject({ schedule: 'tick', priority: 2, key: 'k' })
      expect(messages[0].headers).toEqual({ h: '1' })
      expect(messages.map(({ payload }) => payload)).toEqual(Array(3).fill({ n: 1 }))
    })

    test('without overlap: a tick is left out while the message before waits', async () => {
      const queue = queues.queue('q')
      await queue.repeat('tick', { every: 2 }, 'x')
      for (;;) {
        const [{ sent, skipped }] = await queue.repeats()
        expect(sent).toBeLessThanOrEqual(1)
        if (skipped >= 3) break
      }
      expect(await queue.stats()).toMatchObject({ ready: 1 })
      expect(await queue.cancelRepeat('tick')).toBe(true)
      expect(await queue.cancelRepeat('tick')).toBe(false)
      expect(await queue.repeats()).toEqual([])
    })

    test('by cron, in a time zone', async () => {
      const queue = queues.queue('q')
      await queue.repeat('morning', { cron: '30 9 * * *', tz: 'Asia/Kolkata', until: new Date(Date.now() + 1e10) }, 'x')
      const [info] = await queue.repeats()
      expect(info).toMatchObject({ name: 'morning', cron: '30 9 * * *', tz: 'Asia/Kolkata', payload: 'x', sent: 0 })
      const next = new Date(info.next)
      expect([next.getUTCHours(), next.getUTCMinutes()]).toEqual([4, 0])
      await queue.repeat('seconds', { cron: '* * * * * *' }, 'y')
      const worker = collect(queue, 1)
      expect((await worker.collected)[0]).toMatchObject({ schedule: 'seconds', payload: 'y' })
    })

    test.each([
      ['neither', {}, /either every or cron/],
      ['both', { every: 5, cron: '* * * * *' }, /either every or cron/],
      ['no cron', { cron: 'often' }, /often|cron/],
      ['no zone', { cron: '* * * * *', tz: 'Mars/Base' }, /Mars\/Base/],
      ['a zone without cron', { every: 1, tz: 'UTC' }, /tz with cron only/],
    ])('wrong times: %s', async (_name, times, complaint) => {
      const repeating = queues.queue('q').repeat('r', times, 'x')
      await expect(repeating).rejects.toMatchObject({ code: 'QUEUE_OPTION_INVALID', message: expect.stringMatching(complaint) })
    })
  })
})
