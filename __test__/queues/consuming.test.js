'use strict'

const { STORES, collect, deferred, event, open, payloads, sendAll, within } = require('../support/queues')

describe.each(STORES)('consuming (%s)', (_, store) => {
  let queues
  beforeEach(() => (queues = open(store())))

  test('no more handlers than concurrency allows, but so many', async () => {
    const queue = queues.queue('q')
    await sendAll(queue, Array.from({ length: 30 }, (_unused, n) => n))
    let [now, most] = [0, 0]
    const handler = async () => {
      most = Math.max(most, ++now)
      await new Promise(setImmediate)
      now--
    }
    const worker = collect(queue, 30, { concurrency: 7, prefetch: 5, handler })
    await worker.collected
    await worker.close()
    expect(most).toBe(7)
    expect(worker.running).toBe(0)
  })

  test('a sync handler, and one with a thenable of its own, are as good', async () => {
    const queue = queues.queue('q')
    await sendAll(queue, [1, 2, 3])
    const seen = []
    const worker = queue.consume(({ payload }) => {
      seen.push(payload)
      return { then: (resolve) => resolve() || resolve() }
    })
    await within('the end', queue.drain())
    await worker.close()
    await sendAll(queue, [4, 5])
    const other = queue.consume(({ payload }) => void seen.push(payload), { concurrency: 2, prefetch: 10 })
    await within('the end', queue.drain())
    await other.close()
    expect(seen).toEqual([1, 2, 3, 4, 5])
    expect(await queue.stats()).toMatchObject({ completed: 5, failed: 0, active: 0 })
  })

  test('maxRunTime ends a handler that hangs, and its signal tells', async () => {
    const queue = queues.queue('q', { backoff: 1 })
    await queue.send('x')
    const hung = deferred()
    const reasons = []
    const worker = collect(queue, 2, {
      maxRunTime: 20,
      async handler({ attempt }, { signal }) {
        if (attempt > 1) return
        signal.addEventListener('abort', () => reasons.push(signal.reason.code))
        await hung.promise
      },
    })
    const [ended, [first, error]] = await Promise.all([event(queue, 'lease-ended'), within('it', endedLease(worker))])
    expect(ended).toEqual({ id: first.id, reason: 'maxRunTime' })
    expect(error.code).toBe('QUEUE_LEASE_ENDED')
    await worker.collected
    await within('the end', queue.drain())
    expect(reasons).toEqual(['QUEUE_LEASE_ENDED'])
    // It comes back after all: nothing happens.
    hung.resolve()
    await expect(first.ack()).rejects.toMatchObject({ code: 'QUEUE_LEASE_ENDED', name: 'LeaseEndedError' })
    expect(await queue.stats()).toMatchObject({ completed: 1, leasesEnded: 1, ready: 0, active: 0 })
    expect(worker.running).toBe(0)
  })

  test('extend() moves the end of maxRunTime', async () => {
    const queue = queues.queue('q')
    await queue.send('x')
    const lost = []
    const worker = collect(queue, 1, {
      maxRunTime: 30,
      async handler(message, { extend, signal }) {
        await extend(10_000)
        await new Promise((resolve) => setTimeout(resolve, 60))
        lost.push(signal.aborted)
      },
    })
    await worker.collected
    await within('the end', queue.drain())
    expect(lost).toEqual([false])
    expect(await queue.stats()).toMatchObject({ completed: 1, leasesEnded: 0 })
  })

  test('settled by the handler: what it returns or throws has no effect', async () => {
    const queue = queues.queue('q', { maxAttempts: 2, backoff: 1, deadLetter: 'dead' })
    await sendAll(queue, ['ack', 'nack', 'dead', 'release'])
    const twice = []
    const seen = []
    queue.consume(
      async (message) => {
        const { payload, attempt } = message
        seen.push(`${payload} ${attempt}`)
        if (payload === 'ack') await message.ack()
        if (payload === 'nack' && attempt === 1) await message.nack(new Error('later'), { delay: 2 })
        if (payload === 'dead') await message.nack(new Error('never'), { dead: true })
        if (payload === 'release' && seen.filter((one) => one.startsWith('release')).length === 1) await message.release()
        await message.ack().catch((error) => twice.push(error.code))
        if (payload === 'ack') throw new Error('too late')
      },
      { concurrency: 4 },
    )
    await within('the end', queue.drain())
    expect(seen.sort()).toEqual(['ack 1', 'dead 1', 'nack 1', 'nack 2', 'release 1', 'release 1'])
    expect(twice).toEqual(Array(4).fill('QUEUE_LEASE_ENDED'))
    expect((await queues.queue('dead').peek()).map(({ payload }) => payload)).toEqual(['dead'])
  })

  test('an acknowledgement after the lease has ended rejects even when the engine is the first to know', async () => {
    const queue = queues.queue('q', { backoff: 1 })
    await queue.send('x')
    const acked = deferred()
    const worker = queue.consume(
      (message) => {
        if (message.attempt > 1) return
        // The event loop learns of the end only after it has acknowledged.
        const end = Date.now() + 300
        while (Date.now() < end);
        message.ack().then(acked.resolve, acked.reject)
        return acked.promise
      },
      { maxRunTime: 10 },
    )
    await expect(within('an answer', acked.promise)).rejects.toMatchObject({ code: 'QUEUE_LEASE_ENDED' })
    await within('the end', queue.drain())
    await worker.close()
  })

  describe('batches', () => {
    test('of a size, each message with its own outcome', async () => {
      const queue = queues.queue('q', { maxAttempts: 1, deadLetter: 'dead' })
      const batches = []
      queue.consume(
        async (messages) => {
          batches.push(messages.map(({ payload }) => payload))
          for (const message of messages) if (message.payload % 2) message.nack(new Error('odd'))
        },
        { batch: { size: 4, wait: 20 } },
      )
      await sendAll(queue, [1, 2, 3, 4, 5, 6])
      await within('the end', queue.drain())
      expect(batches).toEqual([
        [1, 2, 3, 4],
        [5, 6],
      ])
      expect(await queue.stats()).toMatchObject({ completed: 3, dead: 3 })
    })

    test('one that throws fails what it has not settled', async () => {
      const queue = queues.queue('q', { maxAttempts: 1, deadLetter: 'dead' })
      await sendAll(queue, [1, 2, 3])
      queue.consume(
        async ([first]) => {
          first.ack()
          throw new Error('all')
        },
        { batch: { size: 3 } },
      )
      await within('the end', queue.drain())
      const letters = await queues.queue('dead').peek()
      expect(letters.map(({ payload }) => payload)).toEqual([2, 3])
    })

    test('the signal of a batch', async () => {
      const queue = queues.queue('q', { maxAttempts: 1 })
      await sendAll(queue, [1, 2])
      const reason = deferred()
      queue.consume(
        (_messages, { signal }) => {
          signal.addEventListener('abort', () => reason.resolve(signal.reason.code))
          return new Promise(() => {})
        },
        { batch: { size: 2 }, maxRunTime: 10 },
      )
      expect(await within('it', reason.promise)).toBe('QUEUE_LEASE_ENDED')
      await within('the end', queue.drain())
    })
  })

  test('limits of the queue hold over all workers', async () => {
    const queue = queues.queue('q', { concurrency: 3 })
    await sendAll(queue, Array.from({ length: 20 }, (_unused, n) => n))
    let [now, most] = [0, 0]
    const handler = async () => {
      most = Math.max(most, ++now)
      await new Promise(setImmediate)
      now--
    }
    queue.consume(handler, { concurrency: 10 })
    queue.consume(handler, { concurrency: 10 })
    await within('the end', queue.drain())
    expect(most).toBe(3)
  })

  test('a rate spreads deliveries', async () => {
    const queue = queues.queue('q', { rate: { max: 5, per: 64 } })
    await sendAll(queue, Array.from({ length: 15 }, (_unused, n) => n))
    const began = performance.now()
    await payloads(queue, 15, { concurrency: 100 })
    expect(performance.now() - began).toBeGreaterThanOrEqual(2 * 64 - 10)
  })

  test('a rate of a key leaves other keys alone', async () => {
    const queue = queues.queue('q', { keyRate: { max: 1, per: 60_000 } })
    await queue.sendBatch(['a', 'a', 'b', 'c'].map((key) => ({ payload: key, key })))
    expect(await payloads(queue, 3, { concurrency: 10 })).toEqual(['a', 'b', 'c'])
  })

  test('a worker of an AbortSignal closes with it', async () => {
    const queue = queues.queue('q')
    const aborting = new AbortController()
    const worker = queue.consume(async () => {}, { signal: aborting.signal })
    const closed = event(worker, 'closed')
    aborting.abort()
    await closed
    await queue.send(1)
    expect(await queue.stats()).toMatchObject({ workers: 0, ready: 1 })
    await within('a worker that was closed before it began', queue.consume(async () => {}, { signal: aborting.signal }).close())
  })
})

function endedLease(worker) {
  return new Promise((resolve) => worker.once('lease-ended', (...args) => resolve(args)))
}
