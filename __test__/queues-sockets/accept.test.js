'use strict'

const { ADAPTERS } = require('../support/adapters')
const { STORES, open } = require('../support/queues')
const { servers } = require('../support/server')

const openServer = servers()

describe.each(STORES)('what clients send (%s store)', (_, options) => {
  let queues, server
  beforeEach(async () => {
    queues = open(options())
    server = await openServer(ADAPTERS[1])
  })

  const accept = (more) => queues.accept(server.io, { queues: ['mail'], authorize: () => true, ...more })
  const enqueue = (client, ...args) => client.timeout(10_000).emitWithAck('enqueue', ...args)
  const code = async (...args) => (await enqueue(...args)).code

  test('is stored, if it is authorized', async () => {
    const seen = []
    const early = await server.connect()
    const acceptor = accept({
      authorize: async (socket, queue, payload) => {
        seen.push([socket.id, queue])
        if (payload === 'throw') throw new Error('no')
        return payload === 'truthy' ? 1 : payload !== 'forbidden'
      },
    })
    const client = await server.connect()
    expect(await enqueue(early, 'mail', { n: 1 })).toEqual({ ok: true, id: expect.any(String), duplicate: false })
    expect(await enqueue(client, 'mail', Buffer.from('x'))).toMatchObject({ ok: true })
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => {})
    for (const payload of ['forbidden', 'truthy', 'throw']) expect(await code(client, 'mail', payload)).toBe('ACCEPT_NOT_AUTHORIZED')
    expect(warned.mock.calls).toEqual([['no', expect.anything()]])
    warned.mockRestore()
    expect(seen[0]).toEqual([early.id, 'mail'])
    expect((await queues.queue('mail').peek()).map(({ payload }) => payload)).toEqual([{ n: 1 }, Buffer.from('x')])
    expect(acceptor.stats()).toEqual({ sockets: 2, accepted: 2, refused: 3 })
    acceptor.close()
    expect(acceptor.stats().sockets).toBe(0)
    await expect(client.timeout(50).emitWithAck('enqueue', 'mail', 1)).rejects.toThrow()
  })

  test('is refused with a code', async () => {
    accept({ maxBytes: 100, allow: ['dedupId'], rateLimit: { max: 1000, per: 1000 } })
    queues.queue('mail', { maxLength: 1 })
    const client = await server.connect()
    expect(await code(client)).toBe('ACCEPT_INVALID')
    expect(await code(client, { toString: 5 }, 1)).toBe('ACCEPT_INVALID')
    expect(await code(client, 'other', 1)).toBe('ACCEPT_QUEUE_UNKNOWN')
    expect(await code(client, '__proto__', 1)).toBe('ACCEPT_QUEUE_UNKNOWN')
    expect(await code(client, 'mail', 1, { priority: 255 })).toBe('ACCEPT_OPTION_NOT_ALLOWED')
    expect(await code(client, 'mail', 1, JSON.parse('{"__proto__":1}'))).toBe('ACCEPT_OPTION_NOT_ALLOWED')
    expect(await code(client, 'mail', 1, { dedupId: { length: 5 } })).toBe('ACCEPT_INVALID')
    expect(await code(client, 'mail', 1, [])).toBe('ACCEPT_INVALID')
    expect(await code(client, 'mail', 'x'.repeat(101))).toBe('ACCEPT_TOO_LARGE')
    client.emit('enqueue', 'other')
    expect(await enqueue(client, 'mail', 1, { dedupId: 'a' })).toMatchObject({ ok: true, duplicate: false })
    expect(await enqueue(client, 'mail', 1, { dedupId: 'a' })).toMatchObject({ ok: true, duplicate: true })
    expect(await code(client, 'mail', 1)).toBe('QUEUE_FULL')
  })

  test('has limits for each socket', async () => {
    let letGo
    const gate = new Promise((resolve) => (letGo = resolve))
    accept({ rateLimit: { max: 5, per: 3_600_000 }, maxInFlight: 2, authorize: () => gate.then(() => true) })
    const [greedy, modest] = [await server.connect(), await server.connect()]
    const asked = [1, 2].map((n) => enqueue(greedy, 'mail', n))
    expect(await code(greedy, 'mail', 3)).toBe('ACCEPT_TOO_MANY_IN_FLIGHT')
    letGo()
    for (const answer of await Promise.all(asked)) expect(answer.ok).toBe(true)
    expect([await enqueue(greedy, 'mail', 4), await enqueue(greedy, 'mail', 5)]).toMatchObject([{ ok: true }, { ok: true }])
    expect(await code(greedy, 'mail', 6)).toBe('ACCEPT_RATE_LIMITED')
    expect(await enqueue(modest, 'mail', 7)).toMatchObject({ ok: true })
  })
})

test('nothing is open by accident', async () => {
  const queues = open({ memory: true })
  const { io } = await openServer(ADAPTERS[0])
  const wrong = (options, message) =>
    expect(() => queues.accept(io, options)).toThrow(expect.objectContaining({ code: 'QUEUE_OPTION_INVALID', message }))
  wrong({ authorize: () => true }, expect.stringMatching(/names of the queues/))
  wrong({ queues: ['mail'] }, expect.stringMatching(/authorize/))
  wrong({ queues: ['mail'], authorize: () => true, allow: ['priority'] }, expect.stringMatching(/"key" and "dedupId"/))
  expect(io.sockets.listenerCount('connection')).toBe(0)
})
