'use strict'

const { createQueues, NativeAdapterError, QueueError } = require('../..')
const { directory, open } = require('../support/queues')

/** What the call throws. */
function thrownBy(call) {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('it threw nothing')
}

describe('createQueues()', () => {
  test.each([
    [undefined, /either \{ path: "a directory" \} or \{ memory: true \}, or \{ redis: "redis:\/\/…" \}, got undefined/],
    [{}, /either/],
    [{ path: 'x', memory: true }, /either/],
    [{ memory: false }, /either/],
    ['./queues', /an object of options, got '.\/queues'/],
    [{ path: '' }, /path to be a text, got ''/],
    [{ path: 5 }, /path to be a text, got 5/],
    [{ memory: 1 }, /memory to be true or false, got 1/],
    [{ directory: 'x' }, /one of the options path, memory, durability, interval, segmentBytes, redis, key, timeout, tracing, got 'directory'/],
    [{ path: 'x', durability: 'always' }, /durability to be "commit" or "interval" or "none", got 'always'/],
    [{ path: 'x', interval: 5 }, /interval with \{ durability: "interval" \} only/],
    [{ path: 'x', durability: 'interval', interval: 0 }, /interval to be an integer from 1 to 60000, got 0/],
    [{ path: 'x', segmentBytes: 5 }, /segmentBytes to be an integer from 65536 to/],
    [{ memory: true, durability: 'commit' }, /no durability with \{ memory: true \}/],
    [{ memory: true, key: 'x' }, /key with \{ redis \} only, got 'x'/],
    [{ redis: 'redis://h', path: 'x' }, /either .*got \[ 'redis', 'path' \]/],
    [{ redis: 'redis://h', interval: 5 }, /no interval with \{ redis \}/],
    [{ redis: 'redis://h', key: '{a}' }, /without braces, got '\{a\}'/],
    [{ redis: 'redis://h', timeout: 1 }, /timeout to be an integer from 100/],
    [{ redis: 5 }, /redis to be a URL or an object, got 5/],
    [{ redis: 'no url' }, /createQueues: expected redis to be a URL like .*got a text that is none/],
    [{ redis: 'http://user:sesame@h' }, /createQueues: expected redis to be a URL that begins with .*, got http:$/],
    [{ redis: { host: 'h', nodes: [] } }, /expected redis to be a URL, its parts, .*, got 'nodes'/],
    [{ redis: { port: 0 } }, /expected redis.port to be an integer from 1 on, got 0/],
  ])('refuses %p', (options, complaint) => {
    const error = thrownBy(() => createQueues(options))
    expect(error).toMatchObject({ code: 'QUEUE_OPTION_INVALID', message: expect.stringMatching(complaint) })
    expect(error).toBeInstanceOf(QueueError)
    expect(error).toBeInstanceOf(NativeAdapterError)
  })

  test.each(['commit', 'interval', 'none'])('durability %s', async (durability) => {
    const path = directory()
    const queues = open({ path, durability, ...(durability === 'interval' && { interval: 5 }), segmentBytes: 65_536 })
    await queues.queue('q').send('x')
    await queues.close()
    expect((await open({ path }).queue('q').peek())[0].payload).toBe('x')
  })
})

describe('queue()', () => {
  test.each(['', '.', '.hidden', 'a b', 'a\0', 'a\n', '"', 'a\u202eb', 'x'.repeat(201), 'ü'.repeat(101), 5, null, undefined])(
    'refuses the name %p',
    (name) => {
      const error = thrownBy(() => open({ memory: true }).queue(name))
      expect(error).toMatchObject({ code: 'QUEUE_NAME_INVALID', message: expect.stringMatching(/1 to 200 bytes of letters/) })
    },
  )

  test.each(['mail', 'mail.dead', 'a/b:c_d-e', 'очередь', '7', 'x'.repeat(200)])('takes the name %p', async (name) => {
    const queue = open({ memory: true }).queue(name)
    await queue.send(1)
    expect(queue.name).toBe(name)
  })

  test.each([
    [{ maxAttempts: 0 }, /maxAttempts to be an integer from 1 to 65535, got 0/],
    [{ maxattempts: 1 }, /one of the options maxAttempts, .*, got 'maxattempts'/],
    [{ backoff: 'soon' }, /backoff to be milliseconds, a function, or/],
    [{ backoff: -1 }, /backoff/],
    [{ backoff: { type: 'linear', delay: 1 } }, /backoff/],
    [{ backoff: { type: 'fixed', delay: 1, max: 5 } }, /backoff/],
    [{ backoff: { type: 'exponential', delay: 1, jitter: 2 } }, /backoff/],
    [{ backoff: { type: 'exponential', delay: 1, factor: 3 } }, /backoff/],
    [{ deadLetter: 'a b' }, /deadLetter to be a name/],
    [{ deadLetter: 'q' }, /another queue as deadLetter, got 'q'/],
    [{ rate: 5 }, /rate to be an object \{ max, per \}, got 5/],
    [{ rate: { max: 0, per: 1 } }, /rate/],
    [{ keyRate: { max: 1 } }, /keyRate/],
    [{ maxLength: 0 }, /maxLength to be an integer of at least 1/],
    [{ maxLength: 1.5 }, /maxLength/],
    [{ overflow: 'drop' }, /overflow to be "reject" or "dropOldest" or "wait"/],
    [{ maxMessageBytes: 2 ** 31 }, /maxMessageBytes/],
    [{ dedupWindow: -1 }, /dedupWindow/],
    [[], /an object of options, got \[\]/],
    [null, /an object of options, got null/],
  ])('refuses the options %p', (options, complaint) => {
    const error = thrownBy(() => open({ memory: true }).queue('q', options))
    expect(error).toMatchObject({ code: 'QUEUE_OPTION_INVALID', message: expect.stringMatching(complaint) })
  })

  test('takes undefined for what is left out, and each kind of backoff', async () => {
    const queues = open({ memory: true })
    const backoffs = [undefined, 0, 5.5, { type: 'fixed', delay: 1 }, { type: 'exponential', delay: 1, max: 5, jitter: 1 }, () => 1]
    for (const [n, backoff] of backoffs.entries()) await queues.queue(`q${n}`, { backoff, ttl: undefined }).send(1)
    expect(await queues.names()).toHaveLength(backoffs.length)
  })
})

describe('send()', () => {
  test.each([
    [{ priority: 256 }, /priority to be an integer from 0 to 255, got 256/],
    [{ delay: -1 }, /delay to be milliseconds, 0 or more, got -1/],
    [{ delay: NaN }, /delay/],
    [{ deliverAt: new Date(NaN) }, /deliverAt to be a valid Date, or milliseconds since 1970/],
    [{ deliverAt: 'tomorrow' }, /deliverAt/],
    [{ delay: 1, deliverAt: 1 }, /either delay or deliverAt/],
    [{ ttl: 0 }, /ttl/],
    [{ key: '' }, /key to be a text of 1 to 1024 bytes, got ''/],
    [{ key: 5 }, /key/],
    [{ dedupId: 'ü'.repeat(513) }, /dedupId/],
    [{ headers: { n: 1 } }, /headers to be an object of texts/],
    [{ headers: ['x'] }, /headers/],
    [{ Delay: 5 }, /one of the options key, dedupId, .*, got 'Delay'/],
    ['soon', /an object of options, got 'soon'/],
    [null, /an object of options, got null/],
  ])('rejects the options %p', async (options, complaint) => {
    const queue = open({ memory: true }).queue('q')
    const expected = { code: 'QUEUE_OPTION_INVALID', message: expect.stringMatching(complaint) }
    await expect(queue.send('x', options)).rejects.toMatchObject(expected)
    if (options instanceof Object) await expect(queue.sendBatch([{ payload: 'x', ...options }])).rejects.toMatchObject(expected)
    expect(await queue.stats()).toMatchObject({ sent: 0 })
  })

  const FAULTY = Object.defineProperty({}, 'a', {
    enumerable: true,
    get() {
      throw new Error('no')
    },
  })

  test.each([
    ['a bigint', 1n],
    ['a function', () => {}],
    ['a symbol', Symbol('s')],
    ['an object that throws', FAULTY],
  ])('rejects %s', async (_name, payload) => {
    const queue = open({ memory: true }).queue('q')
    await expect(queue.send(payload)).rejects.toMatchObject({ code: 'QUEUE_PAYLOAD_INVALID' })
  })

  test('a circular payload is told with its cause', async () => {
    const circular = {}
    circular.self = circular
    const queue = open({ memory: true }).queue('q')
    await expect(queue.send(circular)).rejects.toMatchObject({ code: 'QUEUE_PAYLOAD_INVALID', cause: expect.any(TypeError) })
  })

  test('a payload over maxMessageBytes', async () => {
    const queue = open({ memory: true }).queue('q', { maxMessageBytes: 1000 })
    await queue.send('x'.repeat(1000))
    for (const payload of ['x'.repeat(1001), Buffer.alloc(20_000), { text: 'x'.repeat(1000) }]) {
      await expect(queue.send(payload)).rejects.toMatchObject({
        code: 'QUEUE_MESSAGE_TOO_LARGE',
        message: expect.stringMatching(/bytes; at most 1000 are allowed: raise maxMessageBytes/),
      })
    }
  })

  test.each([[5], [null], [[1]], [['x']], [[{ message: 1 }]]])('sendBatch() rejects %p', async (messages) => {
    const queue = open({ memory: true }).queue('q')
    await expect(queue.sendBatch(messages)).rejects.toMatchObject({ code: 'QUEUE_OPTION_INVALID' })
  })
})

describe('consume()', () => {
  test.each([
    [undefined, {}, /a function that processes a message, got undefined/],
    [() => {}, { concurrency: 0 }, /concurrency to be an integer from 1 to 100000, got 0/],
    [() => {}, { prefetch: -1 }, /prefetch/],
    [() => {}, { maxRunTime: 0 }, /maxRunTime/],
    [() => {}, { maxRunTime: 5, prefetch: 1 }, /no prefetch with maxRunTime/],
    [() => {}, { batch: 5 }, /batch to be an object \{ size, wait \}/],
    [() => {}, { batch: { size: 0 } }, /batch/],
    [() => {}, { signal: {} }, /signal to be an AbortSignal/],
    [() => {}, { batchSize: 5 }, /one of the options concurrency, .*, got 'batchSize'/],
  ])('refuses %p with %p', (handler, options, complaint) => {
    const error = thrownBy(() => open({ memory: true }).queue('q').consume(handler, options))
    expect(error).toMatchObject({ code: 'QUEUE_OPTION_INVALID', message: expect.stringMatching(complaint) })
  })
})

test.each([
  ['get', ['x']],
  ['remove', [5]],
  ['redrive', ['00000000000000FF']],
  ['reschedule', ['00000000000000ff', 'soon']],
  ['move', ['00000000000000ff', 'q']],
  ['peek', [0]],
  ['peek', [1001]],
  ['list', [{ state: 'dead' }]],
  ['list', [{ cursor: 5 }]],
  ['moveAll', ['other', { limit: 0 }]],
  ['redriveAll', [{ limit: 'all' }]],
])('%s(%p) is refused', async (action, args) => {
  const queue = open({ memory: true }).queue('q')
  await expect(queue[action](...args)).rejects.toMatchObject({ code: 'QUEUE_OPTION_INVALID' })
})
