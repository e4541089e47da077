'use strict'

/**
 * The store in Redis beside the one in memory, whose state machine has a model of its own: random commands to both, and the same is there
 * afterwards, in the same order. `COMMANDS=5000 npx jest same` gives more; the seed is printed, `SEED=…` repeats them.
 */

const { REDIS_STORES, redisStore } = require('../support/redis-queues')
const { open, within } = require('../support/queues')
const { random } = require('../support/random')

const COMMANDS = Number(process.env.COMMANDS ?? 200)
const describeWithRedis = REDIS_STORES.length > 0 ? describe : describe.skip
const SETTLING = ['ack', 'ack', 'ack', 'nack', 'release', 'dead']
const MANAGING = [['remove'], ['promote'], ['reschedule', 1_000_000], ['reschedule', 0], ['move', 'other']]
/** In memory, what was given back or came from another queue counts as the oldest; in Redis, what was sent first. */
const BY_AGE = { settling: ['ack', 'dead'], managing: MANAGING.slice(0, 4), moving: false }
const KEYS = [undefined, undefined, 'a', 'b', 'c']

/** One store, with a worker whose messages are settled by command. */
class Side {
  held = new Map()
  /** What was sent, by its number. */
  ids = new Map()
  /** What was delivered, in order. */
  delivered = []

  constructor(store, options, keyMaxLength) {
    this.queues = open(store)
    this.queue = this.queues.queue('q', keyMaxLength ? undefined : { ...options, deadLetter: 'dead' })
    if (keyMaxLength) this.queue.declareByInterest({ ...options, deadLetter: 'dead' }, { keyMaxLength })
    this.dead = this.queues.queue('dead')
    this.other = this.queues.queue('other')
  }

  consume(concurrency) {
    const handler = (message) =>
      new Promise((settle, fail) => {
        this.held.set(message.payload, { message, settle, fail })
        this.delivered.push(`${message.key} ${message.payload} ${message.attempt}`)
      })
    this.worker = this.queue.consume(handler, { concurrency })
  }

  /** What it looks like, when nothing goes on any more. */
  async look() {
    let before
    for (;;) {
      await this.queues.flush()
      const now = await this.#now()
      if (JSON.stringify(now) === before) return now
      before = JSON.stringify(now)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  async #now() {
    const { ready, blocked, delayed, active, sent, completed, failed, retried, dead, dropped } = await this.queue.stats()
    const shown = (messages) => messages.map(({ payload, attempts, history }) => [payload, attempts, history.map(({ error }) => error)])
    const inState = async (state) => shown((await this.queue.list({ state, limit: 1000 })).messages).sort(([a], [b]) => a - b)
    return {
      counts: { ready, blocked, delayed, active, sent, completed, failed, retried, dead, dropped },
      line: shown(await this.queue.peek(1000)),
      held: [...this.held.keys()].sort((a, b) => a - b),
      active: await inState('active'),
      blocked: await inState('blocked'),
      delayed: await inState('delayed'),
      dead: shown(await this.dead.peek(1000)),
      other: shown(await this.other.peek(1000)),
    }
  }

  /** Ends what a handler has. */
  end(n, how) {
    const { message, settle, fail } = this.held.get(n)
    this.held.delete(n)
    if (how === 'ack') settle()
    else if (how === 'nack') fail(new Error(`no ${n}`))
    else if (how === 'release') message.release().then(settle, settle)
    else message.nack(new Error('never'), { dead: true }).then(settle, settle)
  }
}

/** What is done next: a function that does it to a side. */
function command(below, number, known, held, { settling = SETTLING, managing = MANAGING, moving = true, keyMaxLength }, { released, retried }) {
  const any = (list) => list[below(list.length)]
  const kind = below(keyMaxLength ? 130 : 100)
  if (kind >= 100) {
    const [key, wanted] = [any(KEYS.slice(2)), below(3) > 0]
    return async (side) => side.worker.interest(key, wanted)
  }
  if (kind < 35) {
    const message = { payload: number, priority: below(3), key: any(KEYS), delay: below(8) === 0 ? 1_000_000 : undefined, dedupId: below(6) === 0 ? `d${below(5)}` : undefined }
    return async (side) => {
      const [receipt] = await side.queue.sendBatch([message])
      if (receipt.error) return receipt.error.code
      if (!receipt.duplicate) side.ids.set(number, receipt.id)
      return receipt.duplicate
    }
  }
  if (kind < 75 && held.length > 0) {
    const n = any(held)
    const how = any(settling)
    if (how === 'release') released.add(n)
    else released.delete(n)
    if (how === 'nack') retried.add(n)
    return async (side) => side.end(n, how)
  }
  if (kind < 92 && known.length > 0) {
    const n = any(known)
    const [action, ...args] = any(managing)
    // Whether it goes before or behind what was released then is the one thing that differs: nobody is promised either.
    if (!keyMaxLength && released.size > 0 && action !== 'remove') return async () => {}
    // And whether one that is retried, and due already, keeps its place when it is said to be due.
    if (!keyMaxLength && retried.has(n) && args[0] === 0) return async () => {}
    return (side) => side.queue[action](side.ids.get(n), ...args).then(() => 'done', (error) => error.code)
  }
  return any([
    (side) => side.queue.pause(),
    (side) => side.queue.resume(),
    (side) => side.queue.resume(),
    (side) => moving && side.dead.redriveAll(),
    // Which of those that are delayed go first is not promised.
    async (side) => moving && side.other.moveAll('q', (await side.other.stats()).delayed > 0 ? {} : { limit: 3 }),
    (side) => (below.rare() ? side.queue.purge() : side.queue.resume()),
  ])
}

describeWithRedis('the store in Redis does what the one in memory does', () => {
  test.each([
    ['by default', { backoff: 0 }, 3, {}],
    ['several of a key, and few at once', { backoff: 0, keyConcurrency: 2, concurrency: 2, maxAttempts: 2 }, 5, {}],
    ['waiting between attempts', { backoff: 1_000_000, maxAttempts: 3 }, 2, {}],
    ['the oldest make room', { backoff: 0, maxLength: 12, overflow: 'dropOldest' }, 2, BY_AGE],
    ['full', { backoff: 0, maxLength: 8 }, 1, {}],
    ['by interest', { backoff: 0, keyConcurrency: 3 }, 5, { keyMaxLength: 1000 }],
    ['by interest, waiting between attempts', { backoff: 1_000_000, keyConcurrency: 2, maxAttempts: 4 }, 100, { keyMaxLength: 9 }],
    ['by interest, the oldest of a key make room', { backoff: 0, overflow: 'dropOldest' }, 2, { keyMaxLength: 4 }],
  ])(`${COMMANDS} commands: %s`, async (_name, options, concurrency, commands) => {
    const below = random()
    const { keyMaxLength } = commands
    const sides = [new Side({ memory: true }, options, keyMaxLength), new Side(redisStore(), options, keyMaxLength)]
    for (const side of sides) {
      side.consume(concurrency)
      await side.queues.flush()
    }
    const back = { released: new Set(), retried: new Set() }
    let rare = 0
    for (let number = 0; number < COMMANDS; number++) {
      const fixed = below(10) === 0
      below.rare = () => fixed
      const run = command(below, number, [...sides[0].ids.keys()], [...sides[0].held.keys()], commands, back)
      rare += fixed
      const answers = []
      for (const side of sides) answers.push(await within(`command ${number}`, run(side)))
      expect([number, answers[1]]).toEqual([number, answers[0]])
      const [memory, redis] = await Promise.all(sides.map((side) => within('rest', side.look())))
      expect({ number, ...redis }).toEqual({ number, ...memory })
      if (keyMaxLength) expect([number, ...sides[1].delivered]).toEqual([number, ...sides[0].delivered])
    }
    expect(rare).toBeGreaterThan(0)
    for (const side of sides) {
      for (const { settle } of side.held.values()) settle()
      await side.worker.close({ timeout: 0 })
    }
  }, COMMANDS * 200 + 20_000)
})
