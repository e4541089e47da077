'use strict'

/** A room with one socket gets what is stored as it is, where nobody can tell; everything else is a broadcast. */

const { EncodedEmit } = require('../../lib/queues/encoded-emit')
const { durable } = require('../..')
const { ADAPTERS } = require('../support/adapters')
const { until } = require('../support/events')
const { open } = require('../support/queues')
const { servers } = require('../support/server')

const openServer = servers()

const ARGUMENTS = [
  [],
  [undefined],
  [null, 0, ''],
  ['"],[', { 'ключ': '値 🚀\u2028\u2029', lone: '\ud800', controls: '\u0000\n' }],
  [JSON.parse('{"__proto__": {"polluted": true}, "_placeholder": true, "num": 0}')],
  [{ large: 'é'.repeat(40_000) }, [[[]]]],
]

describe.each(ADAPTERS.slice(0, 2))('packets of durable emits ($name)', (adapter) => {
  let server, kept, send
  beforeEach(async () => {
    send = jest.spyOn(EncodedEmit.prototype, 'send')
    server = await openServer(adapter, { javaScript: true })
    kept = durable(server.io, open({ memory: true }))
  })
  afterEach(async () => {
    jest.restoreAllMocks()
    await kept.close()
  })

  async function member() {
    const client = await server.connect()
    const got = []
    client.on('news', (...args) => {
      args.pop()()
      got.push(args)
    })
    server.socketOf(client).join('room')
    return { client, got }
  }

  test('what is stored arrives as what it is', async () => {
    const { got, client } = await member()
    const receipts = []
    for (const args of ARGUMENTS) receipts.push(await kept.to('room').emit('news', ...args))
    await until('all are acknowledged', () => kept.stats().acknowledged === ARGUMENTS.length)
    const metas = receipts.map(({ id }) => ({ id, sentAt: expect.any(Number), attempt: 1 }))
    expect(got).toEqual(ARGUMENTS.map((args, n) => [...args.map((arg) => arg ?? null), metas[n]]))
    expect(send).toHaveBeenCalledTimes(ARGUMENTS.length)
    expect(Object.prototype).not.toHaveProperty('polluted')
    expect(server.socketOf(client).acks.size).toBe(0)
  })

  test('bytes, two sockets and outgoing listeners are served by Socket.IO', async () => {
    const first = await member()
    const bytes = Buffer.from([0, 255])
    await kept.to('room').emit('news', bytes)
    await until('bytes have come', () => first.got.length === 1)
    const seen = []
    server.socketOf(first.client).onAnyOutgoing((...args) => seen.push(args))
    await kept.to('room').emit('news', 'seen')
    await until('it has come', () => first.got.length === 2)
    server.socketOf(first.client).offAnyOutgoing()
    const second = await member()
    await kept.to('room').emit('news', 'both')
    await until('both have it', () => first.got.length === 3 && second.got.length === 1)
    expect(first.got.map(([arg]) => arg)).toEqual([bytes, 'seen', 'both'])
    expect(seen.map((args) => args.slice(0, 2))).toEqual([['news', 'seen']])
    await until('all are acknowledged', () => kept.stats().acknowledged === 3)
    expect(send).not.toHaveBeenCalled()
  })
})
