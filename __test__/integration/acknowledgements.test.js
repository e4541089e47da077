'use strict'

const { ADAPTERS } = require('../support/adapters')
const { next, record, sync } = require('../support/events')
const { servers } = require('../support/server')

/** Enough for who answers at once, in milliseconds. */
const SHORT = 400

describe.each(ADAPTERS)('acknowledgements with the $name', (adapter) => {
  const open = servers()

  async function room(count) {
    const server = await open(adapter)
    const clients = await server.connectAll(count)
    return { server, io: server.io, clients, sockets: server.socketsOf(clients) }
  }

  test('emitWithAck() gathers one answer of each recipient', async () => {
    const { io, clients, sockets } = await room(4)
    for (const [i, client] of clients.entries()) client.on('question', (text, answer) => answer(`${text} ${i}`, 'ignored'))
    sockets[0].join('room')
    sockets[1].join('room')
    expect((await io.timeout(5000).emitWithAck('question', 'all')).sort()).toEqual(['all 0', 'all 1', 'all 2', 'all 3'])
    expect((await io.timeout(5000).to('room').emitWithAck('question', 'room')).sort()).toEqual(['room 0', 'room 1'])
    expect(await io.timeout(5000).to('room').except(sockets[0].id).emitWithAck('question', 'x')).toEqual(['x 1'])
    expect(await sockets[3].timeout(5000).to('room').except(sockets[1].id).emitWithAck('question', 'y')).toEqual(['y 0'])
  })

  test('without recipients there are no answers, at once', async () => {
    const { io } = await room(1)
    expect(await io.timeout(5000).to('nowhere').emitWithAck('question')).toEqual([])
  })

  test('those who do not answer in time are missing from the answers', async () => {
    const { io, clients, sockets } = await room(3)
    clients[0].on('question', (answer) => answer('first'))
    clients[2].on('question', (answer) => answer('third'))
    const error = await io.timeout(SHORT).emitWithAck('question').catch((thrown) => thrown)
    expect(error.message).toBe('operation has timed out')
    expect(error.responses.sort()).toEqual(['first', 'third'])
    expect(sockets.map((socket) => socket.acks.size)).toEqual([0, 0, 0])
  })

  test('one who is disconnected meanwhile is waited for until the timeout', async () => {
    const { io, clients, sockets } = await room(2)
    clients[0].on('question', (answer) => answer('first'))
    clients[1].on('question', () => sockets[1].disconnect(true))
    const error = await io.timeout(SHORT).emitWithAck('question').catch((thrown) => thrown)
    expect(error.responses).toEqual(['first'])
  })

  test('answers can be binary, and questions too', async () => {
    const { io, clients } = await room(2)
    for (const client of clients) client.on('question', ({ bytes }, answer) => answer({ bytes: Buffer.concat([bytes, bytes]) }))
    const answers = await io.timeout(5000).emitWithAck('question', { bytes: Buffer.from([1, 2]) })
    expect(answers).toEqual(Array(2).fill({ bytes: Buffer.from([1, 2, 1, 2]) }))
  })

  test('with expectSingleResponse the one answer comes by itself', async () => {
    const { io, clients, sockets } = await room(2)
    clients[1].on('question', (answer) => answer('only'))
    const operator = io.to(sockets[1].id).timeout(5000)
    operator.flags.expectSingleResponse = true
    expect(await operator.emitWithAck('question')).toBe('only')
    const [remote] = await io.in(sockets[1].id).fetchSockets()
    expect(await remote.timeout(5000).emitWithAck('question')).toBe('only')
  })

  test('the ids of broadcasts and of single events come from one sequence', async () => {
    const { io, clients, sockets } = await room(2)
    for (const client of clients) client.on('question', (n, answer) => answer(n))
    const answers = []
    for (let n = 0; n < 30; n += 3) {
      answers.push(io.timeout(5000).emitWithAck('question', n))
      answers.push(sockets[0].emitWithAck('question', n + 1))
      answers.push(sockets[1].timeout(5000).emitWithAck('question', n + 2))
    }
    const expected = [...Array(30).keys()].map((n) => (n % 3 === 0 ? [n, n] : n))
    expect(await Promise.all(answers)).toEqual(expected)
  })

  test('questions, volatile ones too, keep their place among other events', async () => {
    const { io, clients } = await room(1)
    const received = record(clients[0])
    clients[0].on('question', (n, answer) => answer(n))
    io.emit('n', 1)
    const asked = io.timeout(5000).emitWithAck('question', 2)
    const dropped = io.volatile.timeout(60).emitWithAck('question', 3)
    io.emit('n', 4)
    expect(await asked).toEqual([2])
    await expect(dropped).rejects.toThrow('operation has timed out')
    await sync(io, clients)
    expect(received.map(([name, n]) => [name, n])).toEqual([['n', 1], ['question', 2], ['n', 4]])
  })

  test('what a client asks is answered through the same way', async () => {
    const { server, clients, sockets } = await room(1)
    sockets[0].on('question', (bytes, answer) => answer('text', Buffer.concat([bytes, bytes])))
    const answer = new Promise((resolve) => clients[0].emit('question', Buffer.from([7]), (...args) => resolve(args)))
    expect(await answer).toEqual(['text', Buffer.from([7, 7])])
    const gone = next(sockets[0], 'disconnect')
    sockets[0].on('last question', (late) => gone.then(() => late('too late')))
    clients[0].emit('last question', () => {})
    await next(sockets[0], 'last question')
    clients[0].disconnect()
    await gone
    expect(server.io.sockets.sockets.size).toBe(0)
  })
})
