'use strict'

const path = require('node:path')
const { stats } = require('../..')
const { ADAPTERS } = require('../support/adapters')
const { record, sync } = require('../support/events')
const { servers } = require('../support/server')

/** Modules of a version of Socket.IO: a tool finds them as its own dependencies. */
function modulesOf(version) {
  const folder = path.dirname(require.resolve(version))
  const { Client } = require(path.join(folder, 'client.js'))
  const engine = require(require.resolve('engine.io', { paths: [folder] }))
  return { Client, EngineSocket: engine.Socket }
}

/** Replaces a method with one that calls `see` first, as monitoring tools do; returns what puts it back. */
function wrap(owner, method, see) {
  const original = owner[method]
  const own = Object.hasOwn(owner, method)
  owner[method] = function (...args) {
    see(...args)
    return original.apply(this, args)
  }
  return () => (own ? (owner[method] = original) : delete owner[method])
}

const isMarker = (data) => /marker of the test/.test(data)

describe.each(ADAPTERS)('tools that replace methods of Socket.IO, with the $name', (adapter) => {
  const open = servers()
  const restore = []
  afterEach(() => {
    for (const put of restore.splice(0)) put()
  })

  const versions = ['socket.io', 'socket.io-4.7', 'socket.io-4.6']

  test.each(versions)('Client.prototype.writeToEngine of %s sees each packet', async (version) => {
    const seen = []
    const { Client } = modulesOf(version)
    restore.push(wrap(Client.prototype, 'writeToEngine', (encoded) => seen.push(encoded[0])))
    const server = await open(adapter, { version, javaScript: true })
    const clients = await server.connectAll(2)
    const received = clients.map(record)
    seen.length = 0
    server.io.emit('first')
    server.socketOf(clients[0]).emit('second', Buffer.from([2]))
    await sync(server.io, clients)
    const second = '51-["second",{"_placeholder":true,"num":0}]'
    expect(seen.filter((data) => !isMarker(data))).toEqual(['2["first"]', '2["first"]', second])
    expect(received).toEqual([[['first'], ['second', Buffer.from([2])]], [['first']]])
  })

  test('a tool that starts when clients are connected sees broadcasts from then on, until it ends', async () => {
    const seen = []
    const server = await open(adapter, { javaScript: true })
    const clients = await server.connectAll(2)
    const received = clients.map(record)
    server.io.emit('before')
    restore.push(wrap(modulesOf('socket.io').Client.prototype, 'writeToEngine', (encoded) => seen.push(encoded[0])))
    server.io.emit('during', Buffer.from([1]))
    restore.pop()()
    server.io.emit('after')
    await sync(server.io, clients)
    expect(seen).toEqual(Array(2).fill('51-["during",{"_placeholder":true,"num":0}]'))
    expect(received).toEqual(Array(2).fill([['before'], ['during', Buffer.from([1])], ['after']]))
  })

  test.each([
    ['socket.io', 'sendPacket'],
    ['socket.io-4.7', 'sendPacket'],
    ['socket.io-4.6', 'sendPacket'],
    ['socket.io-4.6', 'write'],
  ])('the engine of %s: a replaced Socket.prototype.%s sees each packet', async (version, method) => {
    const seen = []
    const { EngineSocket } = modulesOf(version)
    restore.push(wrap(EngineSocket.prototype, method, (...args) => seen.push(args.find((arg) => arg?.[0] === '2'))))
    const server = await open(adapter, { version, expected: 'patched' })
    const clients = await server.connectAll(2)
    const received = clients.map(record)
    seen.length = 0
    server.io.emit('first')
    server.socketOf(clients[0]).emit('second')
    await sync(server.io, clients)
    expect(seen.filter((data) => data && !isMarker(data))).toEqual(['2["first"]', '2["first"]', '2["second"]'])
    expect(received).toEqual([[['first'], ['second']], [['first']]])
    if (adapter.lanes) expect(stats(server.io).compatReasons).toEqual({ patched: 2 })
  })

  test.each([
    ['notifyOutgoingListeners of one socket', (socket) => [socket, 'notifyOutgoingListeners'], ({ data }) => data[0]],
    ['writeToEngine of one client', ({ client }) => [client, 'writeToEngine'], ([encoded]) => /[a-z]+/.exec(encoded)[0]],
  ])('a middleware that replaces %s sees its packets, and the others are as ever', async (_, method, nameOf) => {
    const server = await open(adapter, { javaScript: true })
    const seen = []
    server.io.use((socket, proceed) => {
      if (socket.handshake.auth.watched) wrap(...method(socket), (...args) => seen.push(nameOf(...args)))
      proceed()
    })
    const clients = [await server.connect(), await server.connect({ auth: { watched: true } }), await server.connect()]
    const received = clients.map(record)
    server.io.emit('first')
    server.io.in([clients[0].id, clients[1].id]).socketsJoin('room')
    server.io.to('room').emit('second')
    await sync(server.io, clients)
    const names = seen.filter((name) => ['first', 'second'].includes(name))
    expect(names).toEqual(['first', 'second'])
    expect(received).toEqual([[['first'], ['second']], [['first'], ['second']], [['first']]])
  })

  test('a replaced io.of().emit, socket.emit and adapter.broadcast see what passes', async () => {
    const server = await open(adapter)
    const clients = await server.connectAll(1)
    const received = clients.map(record)
    const seen = []
    restore.push(wrap(server.io.sockets, 'emit', (name) => seen.push(`namespace ${name}`)))
    restore.push(wrap(server.socketOf(clients[0]), 'emit', (name) => seen.push(`socket ${name}`)))
    restore.push(wrap(server.io.sockets.adapter, 'broadcast', ({ data }) => seen.push(`adapter ${data[0]}`)))
    server.io.emit('first')
    server.socketOf(clients[0]).emit('second')
    expect(seen).toEqual(['namespace first', 'adapter first', 'socket second'])
    await sync(server.io, clients)
    expect(received).toEqual([[['first'], ['second']]])
  })
})
