'use strict'

const { ADAPTERS_ON_MOCKS } = require('../support/adapters')
const { mockNamespaceWith } = require('../support/mocks')

describe.each(ADAPTERS_ON_MOCKS)('operations on sockets of the $name, with mocks', ({ on }) => {
  let nsp, adapter, calls
  beforeEach(() => {
    nsp = mockNamespaceWith(['s1', 's2', 's3'])
    adapter = on(nsp)
    calls = []
    for (const [id, socket] of nsp.sockets) {
      socket.join = (rooms) => calls.push(['join', id, rooms])
      socket.leave = (room) => calls.push(['leave', id, room])
      socket.disconnect = (close) => calls.push(['disconnect', id, close])
    }
    adapter.addAll('s1', new Set(['s1', 'a', 'b']))
    adapter.addAll('s2', new Set(['s2', 'b']))
    adapter.addAll('s3', new Set(['s3', 'c']))
    adapter.addAll('coming', new Set(['coming', 'a', 'c']))
  })

  const filter = (rooms, except = []) => ({ rooms: new Set(rooms), except: new Set(except), flags: {} })

  test('sockets() promises the ids of the connected sockets in any of the rooms', async () => {
    expect(await adapter.sockets(new Set())).toEqual(new Set(['s1', 's2', 's3']))
    expect(await adapter.sockets(new Set(['a', 'b']))).toEqual(new Set(['s1', 's2']))
    expect(await adapter.sockets(new Set(['nowhere']))).toEqual(new Set())
    expect([...(await adapter.sockets(new Set(['c', 'b'])))]).toEqual(['s3', 's1', 's2'])
  })

  test('fetchSockets() promises the sockets themselves, each once, in the order of the rooms', async () => {
    const all = [...nsp.sockets.values()]
    expect(await adapter.fetchSockets(filter([]))).toEqual(all)
    expect(await adapter.fetchSockets(filter(['a', 'b', 's1']))).toEqual([all[0], all[1]])
    expect(await adapter.fetchSockets(filter(['c', 'b'], ['a']))).toEqual([all[2], all[1]])
    expect(await adapter.fetchSockets({ rooms: new Set(['c']) })).toEqual([all[2]])
    expect(await adapter.fetchSockets(filter(['nowhere']))).toEqual([])
  })

  test('addSockets() lets the matching sockets join at once', () => {
    adapter.addSockets(filter(['a', 'b'], ['s2']), ['x', 'y'])
    expect(calls).toEqual([['join', 's1', ['x', 'y']]])
  })

  test('delSockets() lets the matching sockets leave at once, room by room', () => {
    adapter.delSockets(filter(['b']), ['x', 'y'])
    expect(calls).toEqual([['leave', 's1', 'x'], ['leave', 's1', 'y'], ['leave', 's2', 'x'], ['leave', 's2', 'y']])
  })

  test('disconnectSockets() disconnects the matching sockets at once, and says whether to close', () => {
    adapter.disconnectSockets(filter([], ['b']), true)
    adapter.disconnectSockets(filter(['s2']), false)
    expect(calls).toEqual([['disconnect', 's3', true], ['disconnect', 's2', false]])
  })

  test('a socket that is gone when its turn comes is left out', () => {
    nsp.sockets.get('s1').disconnect = () => {
      nsp.sockets.delete('s2')
      adapter.delAll('s2')
    }
    adapter.disconnectSockets(filter([]), true)
    expect(calls).toEqual([['disconnect', 's3', true]])
  })

  test('serverSideEmit() is not supported, and says so in a warning', () => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {})
    adapter.serverSideEmit(['event'])
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('serverSideEmit'))
    warn.mockRestore()
  })
})
