'use strict'

/**
 * The behaviour that must hold on each way to a client, and with each version of Socket.IO.
 */

const { digested, next, record, sync, within } = require('./events')

/** @typedef {() => Promise<import('./server').TestServer>} Open */

/**
 * Defines the tests. `polls`: clients are reached by long-polling, where "ready to be written to" depends on the client.
 * @param {Open} open
 * @param {{ polls?: boolean }} [options]
 */
function centralTests(open, { polls = false } = {}) {
  testRooms(open)
  testContents(open)
  testOrder(open)
  testAnswers(open)
  if (!polls) testVolatile(open)
  testClose(open)
}

/** @param {Open} open */
function testRooms(open) {
  test('a broadcast reaches the union of its rooms, each socket once, but nobody of an excepted room', async () => {
    const server = await open()
    const clients = await server.connectAll(4)
    const received = clients.map(record)
    const sockets = server.socketsOf(clients)
    sockets[0].join(['a', 'b'])
    sockets[1].join('b')
    sockets[2].join(['a', 'muted'])
    server.io.to('a').to('b').except('muted').emit('event', 'text')
    sockets[0].to('b').emit('from the first')
    await sync(server.io, clients)
    expect(received).toEqual([[['event', 'text']], [['event', 'text'], ['from the first']], [], []])
  })

  test('who joins right after a broadcast does not get it, who leaves right after does', async () => {
    const server = await open()
    const clients = await server.connectAll(2)
    const received = clients.map(record)
    const [early, late] = server.socketsOf(clients)
    early.join('room')
    server.io.to('room').emit('event')
    late.join('room')
    early.leave('room')
    await sync(server.io, clients)
    expect(received).toEqual([[['event']], []])
  })
}

/** @param {Open} open */
function testContents(open) {
  test('texts, binaries and nested binaries arrive as they are', async () => {
    const server = await open()
    const clients = await server.connectAll(2)
    const received = clients.map(record)
    const sizes = [1, 110, 125, 126, 300, 65_400, 65_535, 65_536, 70_000]
    const texts = ['', 'ünï→😀', ...sizes.map((size) => 'x'.repeat(size))]
    for (const text of texts) server.io.emit('text', text)
    const nested = { a: [Buffer.from([1, 2]), { b: Buffer.alloc(66_000, 7) }], c: Buffer.alloc(0), d: 'text' }
    server.io.emit('binary', nested, Buffer.from([255]))
    await sync(server.io, clients)
    const expected = [...texts.map((text) => ['text', text]), ['binary', nested, Buffer.from([255])]]
    expect(digested(received)).toEqual(digested([expected, expected]))
  })

  test('a view on a part of a larger memory is sent as that part', async () => {
    const server = await open()
    const clients = await server.connectAll(1)
    const received = record(clients[0])
    const memory = Buffer.from('0123456789')
    server.io.emit('event', memory.subarray(2, 5))
    server.socketOf(clients[0]).emit('event', memory.subarray(7))
    await sync(server.io, clients)
    expect(received).toEqual([
      ['event', Buffer.from('234')],
      ['event', Buffer.from('789')],
    ])
  })
}

/** @param {Open} open */
function testOrder(open) {
  test('packets arrive in the order in which they were emitted, to one, to a room or to all', async () => {
    const server = await open()
    const clients = await server.connectAll(2)
    const received = clients.map(record)
    const [socket, other] = server.socketsOf(clients)
    socket.join('room')
    const expected = []
    for (let i = 0; i < 200; i += 5) {
      socket.emit('n', i)
      server.io.emit('n', i + 1)
      server.io.to('room').emit('n', i + 2, Buffer.from([i]))
      other.broadcast.emit('n', i + 3)
      server.io.to(socket.id).emit('n', i + 4)
      expected.push(i, i + 1, i + 2, i + 3, i + 4)
      if (i % 25 === 0) await new Promise(setImmediate)
    }
    await sync(server.io, clients)
    expect(received[0].map(([, n]) => n)).toEqual(expected)
    expect(received[1].map(([, n]) => n)).toEqual(expected.filter((n) => n % 5 === 1))
  })
}

/** @param {Open} open */
function testAnswers(open) {
  test('a broadcast gathers the acknowledgements of its recipients', async () => {
    const server = await open()
    const clients = await server.connectAll(3)
    for (const [i, client] of clients.entries()) client.on('question', (n, answer) => answer(n + i))
    server.socketsOf(clients).slice(1).forEach((socket) => socket.join('room'))
    const answers = await server.io.timeout(5000).to('room').emitWithAck('question', 10)
    expect(answers.sort()).toEqual([11, 12])
  })

  test('the acknowledgement of an event and the broadcasts around it keep their order', async () => {
    const server = await open()
    const [client] = await server.connectAll(1)
    const order = []
    client.on('event', (n) => order.push(n))
    server.socketOf(client).on('question', (answer) => {
      server.io.emit('event', 1)
      answer()
      server.io.emit('event', 2)
    })
    await within('the answer', new Promise((resolve) => client.emit('question', () => resolve(order.push('answer')))))
    await sync(server.io, [client])
    expect(order).toEqual([1, 'answer', 2])
  })
}

/** @param {Open} open */
function testVolatile(open) {
  test('a volatile broadcast is delivered when the connection is idle, and dropped right after another packet', async () => {
    const server = await open()
    const clients = await server.connectAll(2)
    await sync(server.io, clients)
    const received = clients.map(record)
    const arrived = Promise.all(clients.map((client) => next(client, 'idle')))
    server.io.volatile.emit('idle', Buffer.from([1]))
    server.io.volatile.emit('busy', Buffer.from([2]))
    server.io.emit('last')
    await arrived
    await sync(server.io, clients)
    const expected = [['idle', Buffer.from([1])], ['last']]
    expect(received).toEqual([expected, expected])
  })
}

/** @param {Open} open */
function testClose(open) {
  test('what was emitted right before disconnect(true) arrives before the end', async () => {
    const server = await open()
    const [client, witness] = await server.connectAll(2)
    const received = record(client)
    const socket = server.socketOf(client)
    const ended = next(client, 'disconnect')
    const text = 'x'.repeat(10_000)
    for (let i = 0; i < 50; i++) server.io.emit('event', i, text)
    socket.emit('last', Buffer.from([1]))
    socket.disconnect(true)
    await ended
    expect(received.map(([, n]) => n)).toEqual([...Array(50).keys(), Buffer.from([1])])
    await sync(server.io, [witness])
  })
}

module.exports = { centralTests }
