'use strict'

/** What only a store in Redis has: others beside this process, and what others put there. */

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { REDIS_STORES, redisStore, server } = require('../support/redis-queues')
const { until } = require('../support/events')
const { collect, event, open, payloads, sendAll, within } = require('../support/queues')

const describeWithRedis = REDIS_STORES.length > 0 ? describe : describe.skip

/** Two engines of the same store, as two processes have them. */
function two(options) {
  const store = { ...redisStore(), ...options }
  return [open(store), open(store), store]
}

describeWithRedis('queues that processes share', () => {
  test('each message goes to one of them, whoever sent it', async () => {
    const [one, other] = two()
    const seen = []
    const workers = [one, other].map((queues) => queues.queue('q').consume(({ payload }) => void seen.push(payload), { concurrency: 5 }))
    await Promise.all([sendAll(one.queue('q'), Array.from({ length: 200 }, (_, n) => n)), sendAll(other.queue('q'), Array.from({ length: 200 }, (_, n) => 200 + n))])
    await within('the end', one.queue('q').drain())
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, n) => n))
    for (const worker of workers) await worker.close()
  })

  test('one that waits is woken by what another sends', async () => {
    const [one, other] = two()
    const worker = collect(one.queue('q'), 1)
    await other.queue('q').send('x')
    await worker.collected
  })

  test('an answer, progress and a failure cross over', async () => {
    const [one, other] = two()
    one.queue('q', { maxAttempts: 1 }).consume(async ({ payload }, { progress }) => {
      progress('half')
      if (payload === 'bad') throw new Error('of the handler')
      return payload.length
    })
    const seen = []
    expect(await within('an answer', other.queue('q').request('four', { onProgress: (data) => seen.push(data) }))).toBe(4)
    expect(seen).toEqual(['half'])
    await expect(within('a failure', other.queue('q').request('bad'))).rejects.toMatchObject({ code: 'QUEUE_REQUEST_FAILED', message: expect.stringMatching('of the handler') })
  })

  test('events, drains, pauses and room cross over', async () => {
    const [one, other] = two()
    const [here, there] = [one.queue('q', { maxLength: 2, overflow: 'wait' }), other.queue('q')]
    await other.flush()
    await one.flush()
    const [completed, drained] = [event(there, 'completed'), event(there, 'drained')]
    await there.pause()
    await sendAll(here, [1, 2])
    const third = there.send(3)
    // Behind it: so it waits for room now.
    await other.flush()
    const worker = collect(here, 3, { handler: ({ payload }) => payload })
    expect(await here.stats()).toMatchObject({ paused: true, ready: 2, waitingSends: 1, workers: 1 })
    await there.resume()
    await Promise.all([worker.collected, within('the third', third), within('a drain', there.drain())])
    expect(await completed).toMatchObject({ result: 1 })
    await drained
  })

  test('a worker whose process ends without a word loses its messages to others, and its token is refused', async () => {
    const [one, other, { key }] = two()
    const queue = one.queue('q', { backoff: 20, maxAttempts: 1000 })
    await queue.send('x')
    // It may get it again, and does not want it.
    const handler = ({ attempt }) => (attempt === 1 ? new Promise(() => {}) : Promise.reject(new Error('not here')))
    const first = collect(queue, 1, { visibilityTimeout: 2000, handler })
    const [message] = await first.collected
    // As if nothing had been heard of it.
    const [worker] = server().command('zrange', `{${key}}:workers`, '0', '-1').split('\n')
    server().command('zadd', `{${key}}:workers`, '1', worker)
    const lost = event(first, 'lease-ended')
    const again = collect(other.queue('q'), 1)
    const [second] = await again.collected
    expect(second.payload).toBe('x')
    expect(second.attempt).toBeGreaterThan(1)
    expect(second.token).toBeGreaterThan(message.token)
    await within('news', lost)
    await expect(message.ack()).rejects.toMatchObject({ code: 'QUEUE_LEASE_ENDED' })
    await within('the end', queue.drain())
    expect(await queue.stats()).toMatchObject({ completed: 1, leasesEnded: 1 })
  })

  test('a schedule is sent once, by one of them', async () => {
    const [one, other] = two()
    const [queue, same] = [one.queue('q'), other.queue('q')]
    await queue.repeat('tick', { every: 20, limit: 5 }, 'x')
    await same.stats()
    const worker = collect(same, 5)
    await worker.collected
    expect(await queue.repeats()).toMatchObject([{ name: 'tick', sent: 5 }])
    expect(await queue.stats()).toMatchObject({ sent: 5 })
  })

  test('what is stored can be read with ordinary commands, under the names that the guide gives', async () => {
    const { redis, key } = redisStore()
    const queue = open({ redis, key }).queue('mail', { maxLength: 7 })
    const { id } = await queue.send({ to: 'a' }, { key: 'user', headers: { h: '1' }, priority: 3 })
    await queue.send('later', { delay: 60_000 })
    const redisCli = (...words) => server().command(...words)
    expect(redisCli('hget', `{${key}}:messages:mail`, id)).toBe('1 0 0 3 2 4 0 0 0 9 user{"h":"1"}{"to":"a"}')
    expect(redisCli('zrange', `{${key}}:ready:mail`, '0', '-1')).toBe(id)
    expect(redisCli('zcard', `{${key}}:delayed:mail`)).toBe('1')
    expect(redisCli('hget', `{${key}}:queue:mail`, 'maxLength')).toBe('7')
    expect(redisCli('smembers', `{${key}}:queues`)).toBe('mail')
  })
})

describeWithRedis('what does not belong there', () => {
  test("a key of another kind: that queue is refused, others are not", async () => {
    const { redis, key } = redisStore()
    server().command('set', `{${key}}:ready:bad`, 'a text')
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const queues = open({ redis, key })
    await expect(queues.queue('bad').send(1)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' })
    expect(warn.mock.calls.map(([message, { code }]) => [code, message])).toContainEqual(['QUEUE_CORRUPT', expect.stringContaining(`{${key}}:ready:bad is a string, not a zset`)])
    warn.mockRestore()
    await queues.queue('good').send(1)
  })

  test('a record that is none is set aside, and the others live', async () => {
    const { redis, key } = redisStore()
    const queue = open({ redis, key }).queue('q')
    const ids = (await sendAll(queue, [1, 2, 3])).map(({ id }) => id)
    server().command('hset', `{${key}}:messages:q`, ids[0], 'garbage')
    server().command('hdel', `{${key}}:messages:q`, ids[1])
    const quarantined = event(queue, 'quarantined')
    const worker = collect(queue, 1)
    expect((await worker.collected)[0].payload).toBe(3)
    expect(await quarantined).toEqual({ id: ids[0] })
    expect(server().command('hget', `{${key}}:quarantine:q`, ids[0])).toBe('garbage')
    await within('the end', queue.drain())
    expect(await queue.stats()).toMatchObject({ quarantined: 2, completed: 1 })
  })

  test('garbage on our channels and in our inbox is ignored', async () => {
    const { redis, key } = redisStore()
    const queue = open({ redis, key }).queue('q')
    await queue.send(1)
    const [instance] = server().command('zrange', `{${key}}:instances`, '0', '-1').split('\n')
    for (const garbage of ['', 'x', '9:', '1:E', '12:1:W1:q99999:x', '3:1:I', '99999999999:x']) {
      server().command('publish', `{${key}}:instance:${instance}`, garbage)
      server().command('rpush', `{${key}}:inbox:${instance}`, garbage)
    }
    const worker = collect(queue, 2)
    await queue.send(2)
    await worker.collected
  })
})

describeWithRedis('a queue by interest', () => {
  /** Queues, and one of them by interest. */
  function byInterest(store) {
    const queues = open(store)
    const queue = queues.queue('d')
    queue.declareByInterest({}, { keyMaxLength: 10 })
    return { queues, queue }
  }

  test('is one from its beginning: with messages it does not become one', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const queues = open(redisStore())
    const queue = queues.queue('d')
    await queue.send(1)
    queue.declareByInterest({}, { keyMaxLength: 10 })
    await queues.flush()
    expect(warn.mock.calls.map(([, { code }]) => code)).toEqual(['QUEUE_OPTION_INVALID'])
    warn.mockRestore()
    expect(await payloads(queue, 1)).toEqual([1])
  })

  test('forgets what a worker wanted that has ended, and moves what nobody wants', async () => {
    const store = redisStore()
    const interests = () => Number(server().command('HLEN', `{${store.key}}:interest:d`))
    const { queues, queue } = byInterest(store)
    const worker = queue.consume(() => {})
    for (let n = 0; n < 1000; n++) worker.interest(`key ${n}`, true)
    await queues.flush()
    expect(interests()).toBe(1000)
    await worker.close()
    await until('all are forgotten', () => interests() === 0)
    await queue.sendBatch([1, 2, 3].map((payload) => ({ payload, key: `key ${payload}` })))
    const other = queues.queue('other')
    expect(await queue.moveAll('other')).toBe(3)
    expect(await payloads(other, 3)).toEqual([1, 2, 3])
    expect(await queue.stats()).toMatchObject({ blocked: 0, keys: 0 })
  })

  test('has one worker in each process', async () => {
    const { queue } = byInterest(redisStore())
    queue.consume(() => {})
    const second = queue.consume(() => {})
    expect((await event(second, 'error')).message).toMatch(/one worker/)
  })
})

describeWithRedis('a process with queues in Redis ends', () => {
  /** Its exit status, and what it printed. */
  async function run(way, redis) {
    const child = spawn(process.execPath, [path.join(__dirname, 'fixtures', 'ending.js'), way, redis], { stdio: ['ignore', 'pipe', 'pipe'] })
    const out = []
    child.stdout.on('data', (chunk) => out.push(chunk))
    child.stderr.resume()
    const [code] = await within(`"${way}" to end`, once(child, 'close'))
    return { code, out: Buffer.concat(out).toString().trim() }
  }

  test.each([
    ['nothing', 0, '', []],
    ['await a send', 0, 'sent', ['x']],
    ['send and exit', 0, '', ['x']],
    ['send and go', 0, '', ['x']],
    ['send and throw', 1, '', ['x']],
    ['a worker, closed', 0, 'consumed\nclosed', []],
    ['a request that nobody answers', 0, 'QUEUE_REQUEST_TIMEOUT', []],
  ])('by itself, and what was sent is stored: %s', async (way, code, out, left) => {
    const { redis } = redisStore()
    const key = `ending-${way}`
    expect(await run(way, `${redis}#${key}`)).toEqual({ code, out })
    expect((await open({ redis, key }).queue('q').peek()).map(({ payload }) => payload)).toEqual(left)
  })
})
