'use strict'

/** Queues in a Redis whose primary is lost, or demoted, and that sentinels name. */

const { event, open, outlive, within } = require('../support/queues')
const { describeWithRedis, freePort } = require('../support/redis')
const { Sentinels } = require('../support/sentinels')

/** An error that queues report for good. */
async function refusal(options) {
  const queues = open(options)
  const told = event(queues, 'error')
  await expect(queues.ready()).rejects.toBeDefined()
  return told
}

/** Less would be a warning. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always']

describeWithRedis('a primary with a replica and sentinels', () => {
  let redis
  beforeEach(async () => {
    redis = await new Sentinels().start({ sentinels: 2, servers: DURABLE })
  }, 30_000)
  afterEach(() => redis.stop())

  test('killed: what was acknowledged and replicated is there, what is held goes on, nothing is doubled', async () => {
    let replica
    await outlive(open({ redis: redis.option, key: 't', timeout: 30_000 }), async () => {
      await redis.replicated()
      replica = (await redis.kill()).replica
    })
    await redis.promoted(replica)
  }, 60_000)

  test('demoted: it refuses what would be written, and the other one gets it', async () => {
    const queues = open({ redis: redis.option, key: 't', timeout: 30_000 })
    const queue = queues.queue('q')
    await queue.send('before')
    await redis.replicated()
    const [down, up] = [event(queues, 'down'), event(queues, 'up')]
    const chosen = await redis.swap()
    const sent = queue.send('after')
    expect((await within('the loss', down)).code).toBe('QUEUE_REDIS_REPLICA')
    redis.tell(chosen)
    await within('another connection', up)
    await within('the send', sent)
    expect((await queue.peek()).map(({ payload }) => payload)).toEqual(['before', 'after'])
  }, 60_000)

  test('queues that are opened while there is no primary wait for one', async () => {
    await redis.kill()
    const queues = open({ redis: redis.option, key: 't', timeout: 30_000 })
    await within('the queues', queues.ready())
    await queues.queue('q').send(1)
  }, 60_000)
})

describeWithRedis('sentinels', () => {
  const SECRETS = { server: 'server-secret', sentinel: 'sentinel-secret' }
  let redis
  beforeAll(async () => {
    redis = await new Sentinels().start({ servers: DURABLE, passwords: SECRETS })
  }, 30_000)
  afterAll(() => redis.stop())

  const right = () => ({ ...redis.option, password: SECRETS.server, sentinelPassword: SECRETS.sentinel })

  test('are asked one after the other', async () => {
    const { sentinels, ...others } = right()
    const down = { host: '127.0.0.1', port: await freePort() }
    const queues = open({ redis: { ...others, sentinels: [down, ...sentinels] } })
    await within('the queues', queues.ready())
  })

  test.each([
    ['know nobody of that name', { name: 'other' }, 'QUEUE_REDIS_SENTINEL', /the primary "other".*it knows no primary of that name/],
    ['are given a wrong password', { sentinelPassword: 'wrong-secret' }, 'QUEUE_REDIS_AUTH', /sentinelPassword/],
    ['name a primary that is given a wrong password', { password: 'wrong-secret' }, 'QUEUE_REDIS_AUTH', /which the sentinel at .* names/],
  ])('that %s', async (_what, wrong, code, message) => {
    const error = await refusal({ redis: { ...right(), ...wrong } })
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
    expect(error.message).not.toMatch(/secret/)
  })

  test('that are not there', async () => {
    const queues = open({ redis: { sentinels: ['127.0.0.1:1'], name: 'mymaster' }, timeout: 300 })
    const message = expect.stringMatching(/the primary "mymaster", got: 127\.0\.0\.1:1: /)
    await expect(queues.queue('q').send(1)).rejects.toMatchObject({ code: 'QUEUE_REDIS_UNREACHABLE', message })
  })
})

test.each([
  [{ sentinels: [], name: 'm' }, /expected redis\.sentinels to be a list/],
  [{ sentinels: ['h'] }, /expected redis\.name to be/],
  [{ sentinel: 'h' }, /expected redis to be a URL, its parts, \{ sentinels, name \}/],
])('the option %j is refused', (redis, message) => {
  expect(() => open({ redis })).toThrow(expect.objectContaining({ code: 'QUEUE_OPTION_INVALID', message: expect.stringMatching(message) }))
})
