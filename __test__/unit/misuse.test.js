'use strict'

const { Adapter } = require('socket.io-adapter')
const { Server } = require('socket.io')
const { NativeAdapterError, createAdapter, stats } = require('../..')
const { mockNamespace } = require('../support/mocks')

const coded = (code, text) => expect.objectContaining({ code, message: expect.stringContaining(text) })

const NOT_NAMESPACES = [[undefined], [null], ['/'], [{}], [{ server: {} }]]

test.each(NOT_NAMESPACES)('an adapter made on %p instead of a namespace is refused', (nsp) => {
  const make = () => new (createAdapter())(nsp)
  expect(make).toThrow(NativeAdapterError)
  expect(make).toThrow(coded('ERR_INVALID_NAMESPACE', 'expected a Socket.IO namespace, got'))
})

test('io.adapter(createAdapter), without the call, says what to write instead', () => {
  const io = new Server()
  expect(() => io.adapter(createAdapter)).toThrow(coded('ERR_INVALID_OPTION', 'io.adapter(createAdapter())'))
  expect(() => new Server({ adapter: createAdapter })).toThrow(coded('ERR_INVALID_OPTION', 'io.adapter(createAdapter())'))
})

test('stats() of anything but a server with this adapter is refused', () => {
  const text = 'new Server(port, { adapter: createAdapter() })'
  for (const io of [new Server(), undefined, null, {}, 'io']) {
    expect(() => stats(io)).toThrow(coded('ERR_NOT_NATIVE_ADAPTER', text))
  }
})

test('stats() of a server without connections', () => {
  const io = new Server({ adapter: createAdapter() })
  expect(stats(io)).toEqual({
    writers: 0,
    rooms: 0,
    sockets: 0,
    lanes: 0,
    compat: 0,
    compatReasons: {},
    observed: 0,
    parkedLanes: 0,
    bufferedBytes: 0,
    frames: 0,
    bytes: 0,
    systemCalls: 0,
    batched: 0,
    dropped: 0,
    conflated: 0,
    slowDisconnects: 0,
    descriptorFailures: 0,
  })
})

test('what createAdapter() returns is a subclass of the app’s own Adapter, with a name', () => {
  const NativeAdapter = createAdapter()
  const adapter = new NativeAdapter(mockNamespace())
  expect(adapter).toBeInstanceOf(Adapter)
  expect(adapter.constructor).toBe(NativeAdapter)
  expect(NativeAdapter.name).toBe('NativeAdapter')
  expect(adapter.nsp.server.encoder).toBeDefined()
})

test('the prototype of the stock adapter is left alone', () => {
  const before = Object.getOwnPropertyDescriptors(Adapter.prototype)
  const adapter = new (createAdapter())(mockNamespace({ name: '/', sockets: new Map() }))
  adapter.addAll('s1', new Set(['room']))
  adapter.broadcast({ type: 2, data: ['x'] }, { rooms: new Set(), except: new Set(), flags: {} })
  adapter.close()
  expect(Object.getOwnPropertyDescriptors(Adapter.prototype)).toEqual(before)
})
