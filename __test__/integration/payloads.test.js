'use strict'

const { ADAPTERS } = require('../support/adapters')
const { digested, record, sync } = require('../support/events')
const { servers } = require('../support/server')

describe.each(ADAPTERS)('payloads with the $name', (adapter) => {
  const open = servers()

  test('each kind of binary, on its own and nested, arrives as bytes', async () => {
    const server = await open(adapter)
    const clients = await server.connectAll(2)
    const received = clients.map(record)
    const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i)
    const sent = [
      Buffer.from(bytes),
      bytes,
      bytes.buffer,
      bytes.subarray(10, 20),
      new DataView(bytes.buffer, 5, 7),
      new Uint16Array(bytes.buffer, 10, 5),
      Buffer.alloc(0),
      new ArrayBuffer(0),
    ]
    server.io.emit('all', ...sent)
    for (const value of sent) server.io.emit('one', { deep: [{ value }] })
    await sync(server.io, clients)
    const memory = (value) => (ArrayBuffer.isView(value) ? [value.buffer, value.byteOffset, value.byteLength] : [value])
    const buffers = sent.map((value) => Buffer.from(...memory(value)))
    const expected = [['all', ...buffers], ...buffers.map((value) => ['one', { deep: [{ value }] }])]
    for (const events of received) expect(digested(events)).toEqual(digested(expected))
  })

  test('what is changed after the emit is sent as it was', async () => {
    const server = await open(adapter)
    const clients = await server.connectAll(2)
    const received = clients.map(record)
    const buffer = Buffer.from('before')
    const object = { text: 'before', buffer }
    server.io.emit('event', object)
    object.text = 'after'
    await sync(server.io, clients)
    expect(received).toEqual(Array(2).fill([['event', { text: 'before', buffer: Buffer.from('before') }]]))
  })

  test('values that JSON knows, and those that it changes, arrive as JSON has them', async () => {
    const server = await open(adapter)
    const clients = await server.connectAll(1)
    const received = record(clients[0])
    const date = new Date(0)
    server.io.emit('event', null, true, 1e21, -0, 'te\u2028xt\0"\\', [undefined, NaN], { a: undefined, date }, '\ud800')
    server.io.emit('no arguments')
    server.io.emit('')
    server.io.emit(7)
    await sync(server.io, clients)
    expect(received).toEqual([
      ['event', null, true, 1e21, 0, 'te\u2028xt\0"\\', [null, null], { date: date.toJSON() }, '\ud800'],
      ['no arguments'],
      [''],
      [7],
    ])
  })

  test('a packet of several mebibytes, text or binary, arrives in its place', async () => {
    const server = await open(adapter)
    const clients = await server.connectAll(2)
    const received = clients.map(record)
    const text = 'ä'.repeat(3 * 1024 * 1024)
    const bytes = Buffer.alloc(5 * 1024 * 1024, 9)
    server.io.emit('small', 1)
    server.io.emit('text', text)
    server.io.emit('bytes', bytes)
    server.socketsOf(clients).forEach((socket) => socket.emit('small', 2))
    await sync(server.io, clients)
    const expected = digested([['small', 1], ['text', text], ['bytes', bytes], ['small', 2]])
    for (const events of received) expect(digested(events)).toEqual(expected)
  })

  const circular = {}
  circular.self = circular

  test.each([
    ['a circular object', circular, /circular/i],
    ['a BigInt', 1n, /BigInt/],
    ['an object whose toJSON() throws', { toJSON: () => { throw new Error('of the app') } }, /of the app/],
  ])('%s throws in emit, and the connection goes on', async (_, value, message) => {
    const server = await open(adapter)
    const clients = await server.connectAll(1)
    const received = record(clients[0])
    const socket = server.socketOf(clients[0])
    server.io.emit('before')
    if (value !== circular) expect(() => server.io.emit('event', value)).toThrow(message)
    else expect(() => server.io.emit('event', value)).toThrow()
    expect(() => server.io.to(socket.id).emit('event', { nested: [value] })).toThrow()
    expect(() => server.io.timeout(1000).emit('event', value, () => {})).toThrow()
    expect(socket.acks.size).toBe(0)
    server.io.emit('after')
    await sync(server.io, clients)
    expect(received).toEqual([['before'], ['after']])
  })

  test('reserved names are refused', async () => {
    const server = await open(adapter)
    const clients = await server.connectAll(1)
    for (const name of ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener']) {
      expect(() => server.io.emit(name)).toThrow(`"${name}" is a reserved event name`)
    }
    await sync(server.io, clients)
  })

  test('compress(false) and compress(true) change nothing where nothing is compressed', async () => {
    const server = await open(adapter)
    const clients = await server.connectAll(1)
    const received = record(clients[0])
    server.io.compress(false).emit('event', 1)
    server.io.compress(true).emit('event', 2)
    server.socketOf(clients[0]).compress(false).emit('event', 3)
    await sync(server.io, clients)
    expect(received).toEqual([['event', 1], ['event', 2], ['event', 3]])
  })
})
