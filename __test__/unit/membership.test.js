'use strict'

const { ADAPTERS_ON_MOCKS } = require('../support/adapters')
const { mockNamespace, plain, recordRoomEvents } = require('../support/mocks')

describe.each(ADAPTERS_ON_MOCKS)('membership with the $name', ({ on }) => {
  let adapter
  beforeEach(() => {
    adapter = on(mockNamespace())
  })

  test('an adapter is made on the least mock, and starts without rooms', () => {
    expect(plain(adapter)).toEqual({ rooms: [], sids: [] })
    expect(adapter.init()).toBeUndefined()
  })

  test('joining, leaving and leaving all have their effect at once', () => {
    adapter.addAll('s1', new Set(['r1', 'r2']))
    adapter.addAll('s2', new Set(['r2']))
    expect(plain(adapter)).toEqual({
      rooms: [['r1', ['s1']], ['r2', ['s1', 's2']]],
      sids: [['s1', ['r1', 'r2']], ['s2', ['r2']]],
    })
    adapter.del('s1', 'r1')
    expect(plain(adapter)).toEqual({ rooms: [['r2', ['s1', 's2']]], sids: [['s1', ['r2']], ['s2', ['r2']]] })
    adapter.delAll('s2')
    expect(plain(adapter)).toEqual({ rooms: [['r2', ['s1']]], sids: [['s1', ['r2']]] })
  })

  test('a socket is known with no room at all, and stays when it leaves its last one', () => {
    adapter.addAll('s1', new Set())
    expect(plain(adapter)).toEqual({ rooms: [], sids: [['s1', []]] })
    adapter.addAll('s1', new Set(['r1']))
    adapter.del('s1', 'r1')
    expect(plain(adapter)).toEqual({ rooms: [], sids: [['s1', []]] })
  })

  test('unknown sockets and rooms are ignored in silence', () => {
    const events = recordRoomEvents(adapter)
    adapter.del('nobody', 'nowhere')
    adapter.delAll('nobody')
    adapter.addAll('s1', new Set(['r1']))
    events.length = 0
    adapter.del('s1', 'nowhere')
    adapter.del('nobody', 'r1')
    expect(events).toEqual([])
    expect(plain(adapter)).toEqual({ rooms: [['r1', ['s1']]], sids: [['s1', ['r1']]] })
  })

  test('socketRooms() is the set of a socket, undefined for an unknown one', () => {
    adapter.addAll('s1', new Set(['r1', 'r2']))
    expect(adapter.socketRooms('s1')).toBeInstanceOf(Set)
    expect([...adapter.socketRooms('s1')]).toEqual(['r1', 'r2'])
    expect(adapter.socketRooms('s2')).toBeUndefined()
  })

  test('the set of rooms that is handed in is the caller’s: it is not changed, nor kept', () => {
    const rooms = new Set(['r1', 'r2'])
    adapter.addAll('s1', rooms)
    expect([...rooms]).toEqual(['r1', 'r2'])
    rooms.add('r3')
    expect([...adapter.sids.get('s1')]).toEqual(['r1', 'r2'])
  })

  test('events tell of each change once, in order', () => {
    const events = recordRoomEvents(adapter)
    adapter.addAll('s1', new Set(['r1', 'r2']))
    adapter.addAll('s1', new Set(['r1']))
    adapter.addAll('s2', new Set(['r1']))
    adapter.del('s1', 'r1')
    adapter.del('s1', 'r1')
    adapter.delAll('s2')
    adapter.delAll('s1')
    expect(events).toEqual([
      ['create-room', 'r1'],
      ['join-room', 'r1', 's1'],
      ['create-room', 'r2'],
      ['join-room', 'r2', 's1'],
      ['join-room', 'r1', 's2'],
      ['leave-room', 'r1', 's1'],
      ['leave-room', 'r1', 's2'],
      ['delete-room', 'r1'],
      ['leave-room', 'r2', 's1'],
      ['delete-room', 'r2'],
    ])
  })

  test('a handler sees the state of its event: created without the socket, in, out, gone', () => {
    const seen = []
    const note = (name) => (room, id = 's1') =>
      seen.push([name, adapter.sids.has(id), adapter.rooms.has(room), adapter.rooms.get(room)?.has(id)])
    for (const name of ['create-room', 'join-room', 'leave-room', 'delete-room']) adapter.on(name, note(name))
    adapter.addAll('s1', new Set(['r1']))
    adapter.del('s1', 'r1')
    adapter.addAll('s1', new Set(['r1']))
    adapter.delAll('s1')
    const round = [
      ['create-room', true, true, false],
      ['join-room', true, true, true],
      ['leave-room', true, true, false],
      ['delete-room', true, false, undefined],
    ]
    expect(seen).toEqual([...round, ...round])
  })

  test('a handler can tell the rooms of sockets’ ids from others, as cluster adapters do', () => {
    const shared = []
    adapter.on('create-room', (room) => !adapter.sids.has(room) && shared.push(`+${room}`))
    adapter.on('delete-room', (room) => !adapter.sids.has(room) && shared.push(`-${room}`))
    adapter.addAll('s1', new Set(['s1', 'room']))
    adapter.addAll('s2', new Set(['s2', 'room']))
    const listed = []
    adapter.rooms.forEach((ids, room) => !adapter.sids.has(room) && listed.push([room, ids.size]))
    expect(listed).toEqual([['room', 2]])
    adapter.delAll('s1')
    adapter.delAll('s2')
    expect(shared).toEqual(['+room', '-room'])
  })

  test('while a socket leaves all its rooms, handlers still see which ones it had', () => {
    const seen = []
    adapter.on('leave-room', (room, id) => seen.push([room, ...adapter.socketRooms(id)]))
    adapter.addAll('s1', new Set(['r1', 'r2']))
    adapter.delAll('s1')
    expect(seen).toEqual([['r1', 'r1', 'r2'], ['r2', 'r1', 'r2']])
    expect(adapter.socketRooms('s1')).toBeUndefined()
  })

  test('a handler of join-room can let the socket leave the room again, and join others', () => {
    const events = recordRoomEvents(adapter)
    adapter.on('join-room', (room, id) => {
      if (room === 'left') adapter.del(id, room)
      if (room === 'more') adapter.addAll(id, new Set(['further']))
    })
    adapter.addAll('s1', new Set(['left', 'more', 'last']))
    expect(plain(adapter)).toEqual({
      rooms: [['more', ['s1']], ['further', ['s1']], ['last', ['s1']]],
      sids: [['s1', ['more', 'further', 'last']]],
    })
    expect(events.map(([name, room]) => `${name} ${room}`)).toEqual([
      'create-room left',
      'join-room left',
      'leave-room left',
      'delete-room left',
      'create-room more',
      'join-room more',
      'create-room further',
      'join-room further',
      'create-room last',
      'join-room last',
    ])
  })

  test('a handler of join-room can remove the socket', () => {
    adapter.on('join-room', (room, id) => adapter.delAll(id))
    adapter.addAll('s1', new Set(['r1']))
    expect(plain(adapter)).toEqual({ rooms: [], sids: [] })
  })

  test('a handler of leave-room can remove others, and the room goes once', () => {
    adapter.addAll('s1', new Set(['r1']))
    adapter.addAll('s2', new Set(['r1', 'r2']))
    const events = recordRoomEvents(adapter)
    adapter.once('leave-room', () => adapter.delAll('s2'))
    adapter.delAll('s1')
    expect(plain(adapter)).toEqual({ rooms: [], sids: [] })
    expect(events.filter(([name]) => name === 'delete-room')).toEqual([['delete-room', 'r1'], ['delete-room', 'r2']])
  })

  test('a handler of delete-room can make the room again', () => {
    adapter.addAll('s1', new Set(['r1']))
    adapter.once('delete-room', (room) => adapter.addAll('s2', new Set([room])))
    adapter.delAll('s1')
    expect(plain(adapter)).toEqual({ rooms: [['r1', ['s2']]], sids: [['s2', ['r1']]] })
  })

  test('an error that a handler throws reaches the caller, and later calls work', () => {
    adapter.once('join-room', () => {
      throw new Error('of the handler')
    })
    expect(() => adapter.addAll('s1', new Set(['r1', 'r2']))).toThrow('of the handler')
    adapter.addAll('s1', new Set(['r2']))
    expect([...adapter.sids.get('s1')]).toEqual(['r1', 'r2'])
    adapter.delAll('s1')
    expect(plain(adapter)).toEqual({ rooms: [], sids: [] })
  })

  test('close() can be called twice, and what joins or leaves afterwards still works', () => {
    adapter.addAll('s1', new Set(['r1']))
    adapter.close()
    adapter.close()
    adapter.addAll('s2', new Set(['r1', 'r2']))
    adapter.delAll('s1')
    expect(plain(adapter)).toEqual({ rooms: [['r1', ['s2']], ['r2', ['s2']]], sids: [['s2', ['r1', 'r2']]] })
    adapter.delAll('s2')
    adapter.addAll('s3', new Set(['r3']))
    expect(plain(adapter)).toEqual({ rooms: [['r3', ['s3']]], sids: [['s3', ['r3']]] })
  })
})
