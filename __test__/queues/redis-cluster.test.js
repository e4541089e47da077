'use strict'

/** Queues in a Redis Cluster: the store is with one of its primaries, which may die, be replaced, or give it to another one. */

const { event, open, outlive, sending, within } = require('../support/queues')
const { describeWithRedis, startRedis } = require('../support/redis')
const { RedisCluster } = require('../support/redis-cluster')

const KEY = 't'
/** Of messages. */
const KEYS = 40

describeWithRedis('a Redis Cluster', () => {
  const redis = new RedisCluster()
  beforeAll(() => redis.start(), 90_000)
  afterAll(() => redis.stop())
  // Whom a test has left dead, and what it has left.
  afterEach(async () => {
    await redis.revive()
    redis.primaryOf(`{${KEY}}`).command('FLUSHALL')
  }, 30_000)

  const opened = (options) => open({ redis: redis.option, key: KEY, timeout: 30_000, ...options })

  test('several processes share them, whichever nodes they were told of', async () => {
    const asker = opened({ redis: { cluster: [redis.urls[0]] } })
    const answerer = opened({ redis: { cluster: [redis.urls[5]] } })
    const handled = []
    for (const [name, queues] of Object.entries({ asker, answerer })) {
      queues.queue('q').consume(async ({ payload }) => {
        handled.push([name, payload])
        await new Promise((resolve) => setTimeout(resolve, 5))
        return payload * 2
      }, { concurrency: 2 })
    }
    const asked = Array.from({ length: 100 }, (_, n) => asker.queue('q').request(n))
    expect(await within('the answers', Promise.all(asked))).toEqual(asked.map((_, n) => n * 2))
    expect(handled.map(([, n]) => n).toSorted((a, b) => a - b)).toEqual(asked.map((_, n) => n))
    expect(new Set(handled.map(([name]) => name))).toEqual(new Set(['asker', 'answerer']))
  })

  test('one store is one slot, whose primary alone has keys', async () => {
    const queues = opened()
    for (const name of ['a', 'b', 'c', 'd']) await queues.queue(name).send(1, { key: 'k' })
    const holder = redis.primaryOf(`{${KEY}}`)
    for (const node of redis.primaries) {
      expect(Number(node.command('DBSIZE')) > 0).toBe(node === holder)
    }
  })

  /** What is to be done to the primary that has the store; `up`: until there is a connection to another one. */
  const HARM = [
    ['is replaced', () => redis.swap(redis.primaryOf(`{${KEY}}`))],
    ['gives the slot to another one, key by key', () => redis.move(`{${KEY}}`, () => new Promise((resolve) => setTimeout(resolve, 20)))],
    ['is frozen, and replaced meanwhile', (up) => redis.freeze(redis.primaryOf(`{${KEY}}`), up)],
  ]

  test.each(HARM)('a primary that %s: nothing is lost or doubled, keys stay in order, consumers go on', async (_what, harm) => {
    const [producing, ...consuming] = [opened(), opened(), opened()]
    const seen = []
    let held = 0
    const workers = consuming.map((queues) =>
      queues.queue('q').consume(async ({ payload }) => {
        seen.push(payload)
        held++
        await new Promise((resolve) => setTimeout(resolve, 2))
        held--
      }, { concurrency: 20 }),
    )
    const before = redis.primaryOf(`{${KEY}}`)
    const queue = producing.queue('q')
    const producer = sending(queue, (n) => ({ key: `k${n % KEYS}` }))
    await new Promise((resolve) => setTimeout(resolve, 200))
    // A frozen server is given up after 5 s; who is told of it again by the others, until they have replaced it, tries that one for 3 s.
    const up = Promise.all([producing, ...consuming].map((queues) => new Promise((resolve) => queues.once('up', resolve))))
    await Promise.all([harm(up), up])
    const promised = producer.promised.length
    await new Promise((resolve) => setTimeout(resolve, 500))
    await within('the sends', producer.stop())
    await within('the end', queue.drain())
    await Promise.all(workers.map((worker) => worker.close()))
    expect(redis.primaryOf(`{${KEY}}`)).not.toBe(before)
    expect(producer.promised.length).toBeGreaterThan(promised)
    expect(seen.toSorted((a, b) => a - b)).toEqual(producer.promised.toSorted((a, b) => a - b))
    // Each key has a sender of its own.
    for (let key = 0; key < KEYS; key++) {
      const own = seen.filter((n) => n % KEYS === key)
      expect(own).toEqual(own.toSorted((a, b) => a - b))
    }
    expect(held).toBe(0)
    const count = producer.promised.length
    expect(await queue.stats()).toMatchObject({ sent: count, completed: count, ready: 0, active: 0, blocked: 0 })
  }, 60_000)

  test('a primary that is killed: its replica has what was replicated, what is held goes on', async () => {
    await outlive(opened(), async () => {
      const primary = redis.primaryOf(`{${KEY}}`)
      await redis.replicated(primary)
      await primary.stop()
    })
  }, 60_000)

  test('a slot that is on its way is waited for, without a word of a connection in between', async () => {
    const queues = opened()
    await queues.queue('q').send('before')
    const told = []
    for (const name of ['down', 'up']) queues.on(name, () => told.push(name))
    let waiting
    await redis.move(`{${KEY}}`, async () => {
      waiting ??= queues.queue('q').send('meanwhile')
      await new Promise((resolve) => setTimeout(resolve, 100))
    })
    await within('the send', waiting)
    expect(told).toEqual(['down', 'up'])
    expect((await queues.queue('q').peek()).map(({ payload }) => payload)).toEqual(['before', 'meanwhile'])
  }, 30_000)

  test('a node that is not named as one of a cluster is refused, when the store is elsewhere', async () => {
    const holder = redis.primaryOf(`{${KEY}}`)
    const other = redis.primaries.find((node) => node !== holder)
    const queues = opened({ redis: other.url })
    const told = event(queues, 'error')
    await expect(queues.ready()).rejects.toMatchObject({ code: 'QUEUE_REDIS_CONFIG' })
    expect(await told).toMatchObject({ code: 'QUEUE_REDIS_CONFIG', message: expect.stringMatching(/Moved: .*a node of a Redis Cluster: name some of them/) })
  })
})

describeWithRedis('named as nodes of a Redis Cluster', () => {
  test('a server that is alone is refused', async () => {
    const alone = await startRedis()
    try {
      const queues = open({ redis: { cluster: [alone.url] }, key: KEY })
      const told = event(queues, 'error')
      await expect(queues.ready()).rejects.toMatchObject({ code: 'QUEUE_REDIS_CONFIG' })
      expect((await told).message).toMatch(/cluster support disabled.*\(redis\.cluster is for a Redis Cluster\)/)
    } finally {
      await alone.stop()
    }
  })

  test('nobody who is there: what is asked says who was', async () => {
    const queues = open({ redis: { cluster: ['redis://127.0.0.1:1', 'redis://127.0.0.1:2'] }, key: KEY, timeout: 300 })
    const message = expect.stringMatching(/127\.0\.0\.1:[12]/)
    await expect(queues.queue('q').send(1)).rejects.toMatchObject({ code: 'QUEUE_REDIS_UNREACHABLE', message })
  })
})

test.each([
  [{ cluster: [] }, /expected redis\.cluster to be a list of URLs/],
  [{ cluster: ['redis://h/1'] }, /expected redis\.cluster to be URLs with a host and without a database/],
  [{ nodes: ['h'] }, /expected redis to be .* \{ cluster: \[urls\] \}/],
])('the option %j is refused', (redis, message) => {
  expect(() => open({ redis })).toThrow(expect.objectContaining({ code: 'QUEUE_OPTION_INVALID', message: expect.stringMatching(message) }))
})
