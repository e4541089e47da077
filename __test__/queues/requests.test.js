'use strict'

const { STORES, event, open, within } = require('../support/queues')

describe.each(STORES)('requests (%s)', (_, store) => {
  let queues
  beforeEach(() => (queues = open(store())))

  test.each([
    ['JSON', { sum: 3 }],
    ['nothing', undefined],
    ['null', null],
    ['text', 'ü'],
    ['an empty text', ''],
    ['bytes', Buffer.from([1, 2])],
    ['bytes in an object', { image: Buffer.from([1, 2]), of: ['ü', null] }],
  ])('resolve with what the consumer returned: %s', async (_name, result) => {
    const queue = queues.queue('q')
    queue.consume(async () => result)
    expect(await within('an answer', queue.request('?'))).toEqual(result)
  })

  test('many at once get their own answers, however they end', async () => {
    const queue = queues.queue('q', { maxAttempts: 1 })
    queue.consume(
      async ({ payload }) => {
        for (let i = 0; i < payload % 5; i++) await new Promise(setImmediate)
        if (payload % 10 === 3) throw new Error(`no ${payload}`)
        return payload * 2
      },
      { concurrency: 20 },
    )
    const all = Array.from({ length: 200 }, (_unused, n) => queue.request(n))
    const outcomes = await within('all answers', Promise.allSettled(all))
    outcomes.forEach(({ value, reason }, n) => {
      if (n % 10 !== 3) return expect(value).toBe(n * 2)
      expect(reason).toMatchObject({ code: 'QUEUE_REQUEST_FAILED', name: 'RequestError' })
      expect(reason.message).toMatch(`no ${n}`)
    })
  })

  test('a message of the consumer that acknowledges itself answers with that', async () => {
    const queue = queues.queue('q')
    queue.consume(async (message) => {
      await message.ack('early')
      return 'late'
    })
    expect(await within('an answer', queue.request('?'))).toBe('early')
  })

  test('progress comes before the answer', async () => {
    const queue = queues.queue('q')
    queue.consume(async (_message, { progress }) => {
      progress(1)
      progress({ of: 'ü' })
      progress(undefined)
      return 'done'
    })
    const seen = []
    const told = event(queue, 'progress')
    expect(await within('an answer', queue.request('?', { onProgress: (data) => seen.push(data) }))).toBe('done')
    expect(seen).toEqual([1, { of: 'ü' }, undefined])
    expect(await told).toMatchObject({ progress: 1 })
  })

  test('survive failed attempts', async () => {
    const queue = queues.queue('q', { backoff: 1 })
    queue.consume(async ({ attempt }) => {
      if (attempt < 3) throw new Error('not yet')
      return attempt
    })
    expect(await within('an answer', queue.request('?'))).toBe(3)
  })

  test('reject when nobody answers in time, and take the message back', async () => {
    const queue = queues.queue('q')
    await expect(queue.request('?', { timeout: 10 })).rejects.toMatchObject({ code: 'QUEUE_REQUEST_TIMEOUT' })
    expect(await queue.stats()).toMatchObject({ ready: 0 })
    await expect(queue.request('?', { timeout: 10, cancel: false })).rejects.toMatchObject({ code: 'QUEUE_REQUEST_TIMEOUT' })
    expect(await queue.stats()).toMatchObject({ ready: 1 })
  })

  test('take the options of a send', async () => {
    const queue = queues.queue('q')
    queue.consume(async ({ key, headers }) => ({ key, headers }))
    expect(await queue.request('?', { key: 'k', headers: { h: '1' } })).toEqual({ key: 'k', headers: { h: '1' } })
    await expect(queue.request('?', { timeout: 'soon' })).rejects.toMatchObject({ code: 'QUEUE_OPTION_INVALID' })
  })
})
