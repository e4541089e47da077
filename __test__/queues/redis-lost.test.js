'use strict'

/** Answers that are lost, Redis that has forgotten what it did, and what remains of those who are gone. */

const { until } = require('../support/events')
const { Proxy } = require('../support/proxy')
const { collect, deferred, directory, event, open, within } = require('../support/queues')
const { describeWithRedis, startRedis } = require('../support/redis')

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

describeWithRedis('what is lost between a process and Redis', () => {
  let redis
  let proxy
  beforeEach(async () => {
    redis = await startRedis('--dir', directory())
    proxy = await new Proxy().start(redis.port)
  })
  afterEach(async () => {
    proxy.stop()
    await redis.stop()
  })

  const opened = (options) => {
    const queues = open({ redis: proxy.url, key: 't', timeout: 20_000, ...options })
    queues.on('warning', () => {})
    return queues
  }

  test('an answer, and memory is full when the batch is sent again: what was done is answered as that', async () => {
    const queues = opened()
    const queue = queues.queue('q')
    const worker = collect(queue, 3, { concurrency: 5 })
    await queue.send(0)
    await queue.drain()
    // Nothing else is under way.
    await queues.flush()
    await pause(100)
    proxy.swallows.answers = true
    const asked = [queue.send(1), queues.queue('other').pause(), queue.send(2)]
    await until('both are stored', () => redis.command('HLEN', '{t}:messages:q') === '2')
    redis.command('CONFIG', 'SET', 'maxmemory', '1')
    proxy.cut()
    await within('the answers', Promise.all(asked))
    redis.command('CONFIG', 'SET', 'maxmemory', '0')
    expect((await worker.collected).map(({ payload }) => payload)).toEqual([0, 1, 2])
    await within('the end', queue.drain())
    expect(await queue.stats()).toMatchObject({ sent: 3, completed: 3, active: 0 })
  })

  test('everything, with sends under way and others behind them: they are stored', async () => {
    const queue = opened().queue('q', { maxAttempts: 7 })
    const worker = queue.consume(() => {})
    await queue.send(0)
    await queue.drain()
    proxy.swallows.requests = true
    const first = queue.send(1)
    await pause(50)
    const second = queue.send(2)
    await redis.stop()
    proxy.close()
    await redis.start()
    proxy.cut()
    await within('the sends', Promise.all([first, second]))
    await within('the end', queue.drain())
    await worker.close()
    expect(await queue.stats()).toMatchObject({ sent: 2, completed: 2 })
    expect(redis.command('HGET', '{t}:queue:q', 'maxAttempts')).toBe('7')
  })

  test('a snapshot is older than a lease: who has a message keeps it', async () => {
    const queue = opened().queue('q', { maxAttempts: 1 })
    const ends = deferred()
    const aborted = []
    queue.consume(async ({ payload }, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(payload))
      await ends.promise
    }, { concurrency: 5, visibilityTimeout: 2000 })
    await queue.send(0)
    await until('it is held', () => redis.command('HLEN', '{t}:active:q') === '1')
    redis.command('SAVE')
    await pause(2500)
    await queue.send(1)
    await redis.stop()
    await redis.start()
    await queue.send(2)
    ends.resolve()
    await within('the end', queue.drain())
    expect(aborted).not.toContain(0)
    expect(await queue.stats()).toMatchObject({ completed: 2, leasesEnded: 0, dead: 0, active: 0 })
  })

  test.each([
    ['the connection was lost', async (queues) => {
      proxy.swallows.answers = true
      const send = queues.queue('q').send(1)
      await expect(within('the refusal', send)).rejects.toMatchObject({ code: 'QUEUE_REDIS_UNREACHABLE' })
      const up = event(queues, 'up')
      proxy.cut()
      await up
    }],
    ['memory was full', async (queues) => {
      const send = queues.queue('q').send(1)
      await until('it waits', () => redis.command('HVALS', '{t}:waiting:q') === '1')
      redis.command('CONFIG', 'SET', 'maxmemory', '1')
      await expect(within('the refusal', send)).rejects.toMatchObject({ code: 'QUEUE_REDIS_FULL' })
      redis.command('CONFIG', 'SET', 'maxmemory', '0')
    }],
  ])('a send that waited for room and was given up, when %s, is not waited for', async (_title, giveUp) => {
    const queues = opened({ timeout: 1000 })
    const queue = queues.queue('q', { maxLength: 1, overflow: 'wait' })
    await queue.send(0)
    await giveUp(queues)
    const worker = queue.consume(() => {})
    await within('the end', queue.drain())
    expect((await queue.stats()).waitingSends).toBe(0)
    await worker.close()
  })

  test('that somebody else has its messages by interest, while it had no connection: its handler hears of it when it is back', async () => {
    const log = []
    const ends = deferred()
    const consumer = async (queues, who) => {
      const queue = queues.queue('q')
      queue.declareByInterest({ backoff: 0 }, { keyMaxLength: 100 })
      const worker = queue.consume(async (_message, { signal }) => {
        log.push(`${who} begins`)
        signal.addEventListener('abort', () => log.push(`${who} is told: ${signal.reason.code}`))
        await ends.promise
      }, { concurrency: 10 })
      await queues.flush()
      return { queue, worker }
    }
    const one = await consumer(opened(), 'one')
    const two = await consumer(opened({ redis: redis.url }), 'two')
    one.worker.interest('k', true)
    await one.queue.send('x', { key: 'k' })
    await until('one has it', () => log.includes('one begins'))
    proxy.close()
    two.worker.interest('k', true)
    await until('two has it', () => log.includes('two begins'))
    proxy.cut()
    await until('one is told', () => log.length === 3)
    expect(log).toEqual(['one begins', 'two begins', 'one is told: QUEUE_LEASE_ENDED'])
    ends.resolve()
  })

  test('a fetch that fails: what it had taken is not told to another queue', async () => {
    const queues = opened()
    const got = []
    for (const name of ['a', 'b', 'c']) {
      queues.queue(name).consume(async ({ payload }) => void got.push([name, payload]), { concurrency: 1, maxRunTime: 60_000 })
    }
    await queues.flush()
    redis.command('SET', '{t}:runs:a', 'of another kind')
    await Promise.all(['a', 'b', 'c'].map((name) => queues.queue(name).send(`for ${name}`)))
    await until('the others have theirs', () => got.length >= 2)
    expect(got.toSorted()).toEqual([['b', 'for b'], ['c', 'for c']])
  })

  test('a Redis that refuses to write is asked at growing intervals', async () => {
    const queues = opened()
    let ups = 0
    queues.on('up', () => ups++)
    queues.on('down', () => {})
    await queues.queue('q').send(0)
    redis.command('CONFIG', 'SET', 'min-replicas-to-write', '1')
    const sent = queues.queue('q').send(1)
    await pause(3000)
    // At once again and again it would be some forty times.
    expect(ups).toBeLessThan(15)
    redis.command('CONFIG', 'SET', 'min-replicas-to-write', '0')
    await within('the send', sent)
  })

  test('what a process leaves that has ended expires', async () => {
    const queues = opened()
    await queues.queue('q').send(0)
    await queues.close()
    const left = redis.command('KEYS', '{t}:instance:*').split('\n').filter(Boolean)
    for (const key of left) expect(Number(redis.command('PTTL', key))).toBeGreaterThan(0)
  })
})
