'use strict'

const { ADAPTERS } = require('../support/adapters')
const { next, record, sync } = require('../support/events')
const { servers } = require('../support/server')

const AFTER = 20

/** Emits in each turn of the event loop until some turns after the upgrade; returns how many it emitted. */
async function emitThroughUpgrade(server, socket) {
  let count = 0
  for (let left = AFTER; left > 0; ) {
    server.io.emit('event', count++)
    socket.emit('event', count++, Buffer.from([1, 2, 3]))
    if (socket.conn.transport.name === 'websocket') left--
    await new Promise(setImmediate)
  }
  return count
}

describe.each(ADAPTERS)('the upgrade from long-polling with the $name', (adapter) => {
  const open = servers()

  test('packets that are emitted before, during and after it arrive once and in order', async () => {
    const server = await open(adapter, { client: { transports: ['polling', 'websocket'] }, javaScript: true })
    const emitted = next(server.io, 'connection').then(([socket]) => emitThroughUpgrade(server, socket))
    const client = server.client()
    const received = record(client)
    await server.settled(client)
    const count = await emitted
    await sync(server.io, [client])
    expect(received.map(([, n]) => n)).toEqual([...Array(count).keys()])
    expect(received.filter(([, n]) => n % 2 === 1).every(([, , data]) => data.equals(Buffer.from([1, 2, 3])))).toBe(true)
  })

  test('a client that has not upgraded yet, and one that has, get the same broadcasts', async () => {
    const server = await open(adapter, { javaScript: true, client: { transports: ['polling', 'websocket'] } })
    const upgraded = await server.connect()
    const socket = server.socketOf(upgraded)
    expect(socket.conn.transport.name).toBe('websocket')
    const connecting = server.client({ transports: ['polling'] })
    await next(connecting, 'connect')
    const received = [upgraded, connecting].map(record)
    for (let i = 0; i < 10; i++) server.io.emit('event', i, Buffer.from([i]))
    await sync(server.io, [upgraded, connecting])
    const expected = [...Array(10).keys()].map((i) => ['event', i, Buffer.from([i])])
    expect(received).toEqual([expected, expected])
  })
})
