'use strict'

/** A Redis that is lost, frozen, full, or refuses. */

const net = require('node:net')
const { collect, deferred, directory, event, open, sendAll, sending, within } = require('../support/queues')
const { until } = require('../support/events')
const { describeWithRedis, startRedis } = require('../support/redis')

/** An error that `queues` reports for good. */
async function refusal(options) {
  const queues = open(options)
  const told = event(queues, 'error')
  await expect(queues.ready()).rejects.toBeDefined()
  return told
}

describeWithRedis('a server that is lost', () => {
  let redis
  beforeEach(async () => (redis = await startRedis('--appendonly', 'yes', '--appendfsync', 'always', '--dir', directory())))
  afterEach(() => redis.stop())

  test.each([
    ['killed and started again', async () => {
      await redis.stop('SIGKILL')
      await redis.start()
    }],
    ['cut off', async () => redis.command('client', 'kill', 'type', 'normal') && redis.command('client', 'kill', 'type', 'pubsub')],
    ['without its functions', async () => redis.command('function', 'flush')],
  ])('%s: no send is lost or doubled, consumers go on', async (_name, harm) => {
    const queues = open({ redis: redis.url, key: 't', timeout: 20_000 })
    const queue = queues.queue('q')
    const seen = []
    const worker = queue.consume(async ({ payload }) => void seen.push(payload), { concurrency: 10 })
    const producer = sending(queue)
    for (let round = 0; round < 3; round++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      await harm()
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
    await within('the sends', producer.stop())
    await within('the end', queue.drain())
    await worker.close()
    expect(producer.promised.length).toBeGreaterThan(20)
    expect(new Set(seen)).toEqual(new Set(producer.promised))
    // Delivered again is what was held when the answer to its acknowledgement was lost: not for a send that was doubled.
    expect((await queue.stats()).sent).toBe(producer.promised.length)
  }, 60_000)

  test('it is told, and commands fail within their time', async () => {
    const queues = open({ redis: redis.url, key: 't', timeout: 300 })
    const queue = queues.queue('q')
    await queue.send(1)
    const [down, up] = [event(queues, 'down'), event(queues, 'up')]
    await redis.stop('SIGKILL')
    expect((await down).code).toBe('QUEUE_REDIS_UNREACHABLE')
    for (const asked of [queue.send(2), queue.sendBatch([{ payload: 3 }]), queue.stats(), queue.request('x')]) {
      const settled = await within('an answer', Promise.allSettled([asked]))
      const error = settled[0].reason ?? settled[0].value[0].error
      expect(error).toMatchObject({ code: 'QUEUE_REDIS_UNREACHABLE' })
    }
    await redis.start()
    await up
    expect((await queue.peek()).map(({ payload }) => payload)).toEqual([1])
  })

  test('gone back to what it had kept: what is acknowledged since comes back, what is held goes on, what was delivered since ends', async () => {
    await redis.stop()
    redis = await startRedis('--dir', directory())
    const queues = open({ redis: redis.url, key: 't', timeout: 20_000 })
    queues.on('warning', () => {})
    const queue = queues.queue('q', { maxAttempts: 1 })
    const deliveries = []
    const ended = []
    const gates = Array.from({ length: 6 }, deferred)
    const worker = queue.consume(async ({ payload, token }, { signal }) => {
      deliveries.push({ payload, token: BigInt(token) })
      signal.addEventListener('abort', () => ended.push([payload, signal.reason.code]))
      await gates[payload].promise
    }, { concurrency: 10, visibilityTimeout: 60_000 })
    for (let n = 0; n < 3; n++) await queue.send(n)
    await until('3 were delivered', () => deliveries.length === 3)
    redis.command('SAVE')
    const completed = event(queue, 'completed')
    gates[0].resolve()
    await within('its acknowledgement', completed)
    for (let n = 3; n < 5; n++) await queue.send(n)
    await until('5 were delivered', () => deliveries.length === 5)
    const up = event(queues, 'up')
    await redis.stop('SIGKILL')
    // Acknowledged while nobody hears it.
    gates[1].resolve()
    await redis.start()
    await within('another connection', up)
    await queue.send(5)
    await until('7 were delivered', () => deliveries.length === 7)
    for (const gate of gates) gate.resolve()
    await within('the end', queue.drain())
    await worker.close()
    // 3 and 4 are lost, as Redis has lost them.
    expect(deliveries.map(({ payload }) => payload).toSorted()).toEqual([0, 0, 1, 2, 3, 4, 5])
    expect(ended.toSorted()).toEqual([[3, 'QUEUE_LEASE_ENDED'], [4, 'QUEUE_LEASE_ENDED']])
    const last = deliveries[4].token
    for (const { token } of deliveries.slice(5)) expect(token).toBeGreaterThan(last)
    expect(await queue.stats()).toMatchObject({ sent: 4, completed: 4, failed: 0, leasesEnded: 0, ready: 0, active: 0 })
  }, 30_000)

  test('frozen: what cannot be renewed is given up, and the message comes again', async () => {
    const queues = open({ redis: redis.url, key: 't', timeout: 1000 })
    const queue = queues.queue('q', { backoff: 0 })
    await queue.send('x')
    const reasons = []
    const worker = collect(queue, 2, {
      visibilityTimeout: 2000,
      handler({ attempt }, { signal }) {
        if (attempt > 1) return undefined
        return new Promise(() => signal.addEventListener('abort', () => reasons.push(signal.reason.code)))
      },
    })
    while (worker.running === 0) await new Promise(setImmediate)
    const ended = event(worker, 'lease-ended')
    redis.process.kill('SIGSTOP')
    try {
      await within('the end of the lease', ended)
    } finally {
      redis.process.kill('SIGCONT')
    }
    await worker.collected
    expect(reasons).toEqual(['QUEUE_LEASE_ENDED'])
    await within('the end', queue.drain())
    expect(await queue.stats()).toMatchObject({ completed: 1, leasesEnded: 1 })
  }, 40_000)

  test('close() does not wait for it for long', async () => {
    const queues = open({ redis: redis.url, key: 't', timeout: 60_000 })
    const queue = queues.queue('q')
    queue.consume(() => {})
    await queue.send(1)
    await redis.stop('SIGKILL')
    const pending = queue.send(2)
    pending.catch(() => {})
    await within('the queues to close', queues.close({ timeout: 10 }))
    await expect(pending).rejects.toMatchObject({ code: 'QUEUE_REDIS_UNREACHABLE' })
  })
})

describeWithRedis('a server that refuses', () => {
  const started = []
  const start = async (...options) => {
    const redis = await startRedis(...options)
    started.push(redis)
    return redis
  }
  afterEach(() => Promise.all(started.splice(0).map((redis) => redis.stop())))

  test('a password that is wrong, which is not told', async () => {
    const redis = await start('--requirepass', 'right')
    const error = await refusal({ redis: `redis://:sesame@127.0.0.1:${redis.port}` })
    expect(error.code).toBe('QUEUE_REDIS_AUTH')
    expect(error.message).not.toContain('sesame')
    expect(error.message).toContain(String(redis.port))
  })

  test('a replica', async () => {
    const redis = await start()
    const replica = await start('--replicaof', '127.0.0.1', String(redis.port))
    expect((await refusal({ redis: replica.url })).code).toBe('QUEUE_REDIS_REPLICA')
  })

  test('a version that is too old', async () => {
    const info = 'redis_version:6.2.14\r\n'
    const old = net.createServer((socket) => socket.on('data', () => socket.write(`$${info.length}\r\n${info}\r\n`)))
    await new Promise((resolve) => old.listen(0, '127.0.0.1', resolve))
    const error = await refusal({ redis: `redis://127.0.0.1:${old.address().port}` })
    expect(error).toMatchObject({ code: 'QUEUE_REDIS_OLD', message: expect.stringMatching(/expected Redis 7\.0 or newer at .*, got 6\.2\.14/) })
    old.close()
  })

  test('nobody there: what is asked fails within its time', async () => {
    const queues = open({ redis: 'redis://:sesame@127.0.0.1:1', timeout: 300 })
    const error = await within('an answer', queues.ready().catch((reason) => reason))
    expect(error.code).toBe('QUEUE_REDIS_UNREACHABLE')
    expect(error.message).toContain('127.0.0.1:1')
    expect(error.message).not.toContain('sesame')
  })

  test.each([
    ['functions', 'fcall', '+@all'],
    ['scripts, where functions may not be loaded', 'evalsha', '-function'],
  ])('no memory, with %s: sends fail, consumers go on, and sends work again', async (_name, used, right) => {
    const redis = await start('--maxmemory-policy', 'noeviction')
    redis.command('acl', 'setuser', 'app', 'on', '>secret', '~*', '&*', '+@all', right)
    const queues = open({ redis: `redis://app:secret@127.0.0.1:${redis.port}` })
    queues.on('warning', () => {})
    const queue = queues.queue('q')
    await sendAll(queue, Array.from({ length: 50 }, () => 'x'.repeat(1000)))
    redis.command('config', 'set', 'maxmemory', '1')
    await expect(queue.send('more')).rejects.toMatchObject({ code: 'QUEUE_REDIS_FULL' })
    const worker = collect(queue, 50, { concurrency: 5 })
    await worker.collected
    await within('the end', queue.drain())
    redis.command('config', 'set', 'maxmemory', '0')
    await queue.send('again')
    await worker.close()
    const calls = ['fcall', 'evalsha'].filter((name) => redis.command('info', 'commandstats').includes(`cmdstat_${name}:`))
    expect(calls).toEqual([used])
  })

  test.each([
    ['functions', 'function', '+@all'],
    ['scripts', 'script', '-function'],
  ])('%s that are gone, without anything under way: they are loaded again', async (_name, kind, right) => {
    const redis = await start()
    redis.command('acl', 'setuser', 'app', 'on', '>secret', '~*', '&*', '+@all', right)
    const queues = open({ redis: `redis://app:secret@127.0.0.1:${redis.port}` })
    queues.on('warning', () => {})
    const queue = queues.queue('q')
    await queue.send(1)
    redis.command(kind, 'flush')
    await queue.send(2)
    expect((await queue.stats()).sent).toBe(2)
  })

  test('a configuration that can lose messages is warned of', async () => {
    const redis = await start('--maxmemory-policy', 'allkeys-lru')
    const queues = open({ redis: redis.url })
    const warnings = []
    queues.on('warning', (warning) => warnings.push(warning.code))
    await queues.ready()
    expect(warnings).toEqual(['QUEUE_REDIS_NOT_DURABLE', 'QUEUE_REDIS_EVICTS'])
  })

  test('without leave to ask for the configuration, that is the warning', async () => {
    const redis = await start('--appendonly', 'yes', '--dir', directory())
    redis.command('acl', 'setuser', 'app', 'on', '>secret', '~*', '&*', '+@all', '-config')
    const queues = open({ redis: `redis://app:secret@127.0.0.1:${redis.port}` })
    const warning = event(queues, 'warning')
    await queues.queue('q').send(1)
    expect((await warning).code).toBe('QUEUE_REDIS_CONFIG_UNKNOWN')
  })
})
