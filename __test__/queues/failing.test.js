'use strict'

const { STORES, event, open } = require('../support/queues')

describe.each(STORES)('failing (%s)', (_, store) => {
  let queues
  beforeEach(() => (queues = open(store())))

  test('what throws is tried again, with attempts counted, then dead with its history', async () => {
    const queue = queues.queue('q', { maxAttempts: 3, backoff: 1, deadLetter: 'q.dead' })
    const retried = []
    queue.on('retried', ({ attempt, error, delay }) => retried.push([attempt, error, delay]))
    const dead = event(queue, 'dead')
    const { id } = await queue.send({ n: 1 }, { headers: { h: '1' } })
    queue.consume(({ attempt }) => {
      if (attempt === 1) throw new TypeError('first')
      return Promise.reject(attempt === 2 ? { a: 'n object' } : 'a text')
    })
    expect(await dead).toEqual({ id, attempt: 3, error: 'a text', deadLetter: 'q.dead' })
    expect(retried).toEqual([
      [1, 'TypeError: first', 1],
      [2, "{ a: 'n object' }", 1],
    ])
    const [letter] = await queues.queue('q.dead').peek()
    expect(letter).toMatchObject({ id, payload: { n: 1 }, headers: { h: '1' }, origin: 'q', state: 'ready' })
    expect(letter.history.map(({ attempt, error }) => [attempt, error])).toEqual([
      [1, 'TypeError: first'],
      [2, "{ a: 'n object' }"],
      [3, 'a text'],
    ])
  })

  test.each([
    ['undefined', undefined, 'undefined'],
    ['an error without a working toString()', Object.assign(new Error(), { toString: () => 1n.x() }), 'Error'],
  ])('%s is thrown', async (_name, thrown, text) => {
    const queue = queues.queue('q', { maxAttempts: 1 })
    const dead = event(queue, 'dead')
    await queue.send(1)
    queue.consume(() => Promise.reject(thrown))
    expect((await dead).error).toBe(text)
  })

  test('a result that JSON cannot hold is a failure', async () => {
    const queue = queues.queue('q', { maxAttempts: 1 })
    const dead = event(queue, 'dead')
    await queue.send(1)
    queue.consume(async () => 1n)
    expect((await dead).error).toMatch('expected bytes and what JSON can hold')
  })

  describe('backoff', () => {
    test('exponential', async () => {
      const queue = queues.queue('q', { maxAttempts: 4, backoff: { type: 'exponential', delay: 1, max: 3 } })
      const delays = []
      queue.on('retried', ({ delay }) => delays.push(delay))
      const dead = event(queue, 'dead')
      await queue.send(1)
      queue.consume(() => Promise.reject(new Error('no')))
      await dead
      expect(delays).toEqual([1, 2, 3])
    })

    test('a function is asked', async () => {
      const asked = []
      const backoff = (attempt, error, message) => asked.push([attempt, error.message, message.payload]) * 1.5
      const queue = queues.queue('q', { maxAttempts: 3, backoff })
      const delays = []
      queue.on('retried', ({ delay }) => delays.push(delay))
      const dead = event(queue, 'dead')
      await queue.send('x')
      queue.consume(({ attempt }) => Promise.reject(new Error(`no ${attempt}`)))
      await dead
      expect(delays).toEqual([2, 3])
      expect(asked.slice(0, 2)).toEqual([
        [1, 'no 1', 'x'],
        [2, 'no 2', 'x'],
      ])
    })

    test.each([
      ['throws', () => JSON.parse('{'), /JSON/],
      ['returns nonsense', () => 'soon', /expected milliseconds, 0 or more to be returned, got 'soon'/],
    ])('a function that %s is reported, and the default is used', async (_name, backoff, complaint) => {
      const queue = queues.queue('q', { backoff })
      const retried = event(queue, 'retried')
      await queue.send('x')
      const worker = queue.consume(() => Promise.reject(new Error('no')))
      expect((await event(worker, 'error')).message).toMatch(complaint)
      expect((await retried).delay).toBeGreaterThanOrEqual(800)
    })
  })
})
