'use strict'

const { ADAPTERS_ON_MOCKS } = require('../support/adapters')
const { event, mockNamespaceWith, plain, recordRoomEvents, writtenTo } = require('../support/mocks')

const object = { room: 1 }
const symbol = Symbol('room')
const MIB = 1024 * 1024

/** Names that are all different rooms, though some look alike. */
const DISTINCT = [
  ['the empty text', ''],
  ['a text with a zero byte', 'a\0b'],
  ['emoji', '😀'],
  ['a lone high surrogate', '\ud83d'],
  ['a lone low surrogate', '\ude00'],
  ['a replacement character', '\ufffd'],
  ['composed', 'é'],
  ['decomposed', 'e\u0301'],
  ['1', 1],
  ['"1"', '1'],
  ['1n', 1n],
  ['0', 0],
  ['"0"', '0'],
  ['"-0"', '-0'],
  ['-1', -1],
  ['0.5', 0.5],
  ['2^53', 2 ** 53],
  ['NaN', NaN],
  ['"NaN"', 'NaN'],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['true', true],
  ['"true"', 'true'],
  ['null', null],
  ['undefined', undefined],
  ['"undefined"', 'undefined'],
  ['an object', object],
  ['an equal object', { room: 1 }],
  ['an array', [1]],
  ['a function', () => {}],
  ['a symbol', symbol],
  ['a symbol with the same text', Symbol('room')],
  ['"__proto__"', '__proto__'],
  ['"constructor"', 'constructor'],
]

describe.each(ADAPTERS_ON_MOCKS)('names of rooms with the $name', ({ on }) => {
  test.each(DISTINCT)('%s is a room of its own', (_, name) => {
    const nsp = mockNamespaceWith(['in', 'out'])
    const adapter = on(nsp)
    const events = recordRoomEvents(adapter)
    adapter.addAll('in', new Set([name]))
    adapter.addAll('out', new Set(DISTINCT.map(([, other]) => other).filter((other) => !Object.is(other, name))))
    adapter.broadcast(event('x'), { rooms: new Set([name]), except: new Set(), flags: {} })
    expect(writtenTo(nsp)).toEqual(['in'])
    expect([...adapter.rooms.get(name)]).toEqual(['in'])
    expect(adapter.rooms.size).toBe(DISTINCT.length)
    expect(events[0]).toEqual(['create-room', name])
    expect([...adapter.sids.get('in')][0]).toBe(name)
    adapter.del('in', name)
    expect(adapter.rooms.has(name)).toBe(false)
    expect(adapter.rooms.size).toBe(DISTINCT.length - 1)
  })

  test.each([
    ['0 and -0', 0, -0],
    ['-0 and 0', -0, 0],
    ['NaN and NaN', NaN, 0 / 0],
  ])('%s are the same room, as in a Map', (_, one, other) => {
    const nsp = mockNamespaceWith(['a', 'b'])
    const adapter = on(nsp)
    adapter.addAll('a', new Set([one]))
    adapter.addAll('b', new Set([other]))
    expect(adapter.rooms.size).toBe(1)
    adapter.broadcast(event('x'), { rooms: new Set([other]), except: new Set(), flags: {} })
    expect(writtenTo(nsp)).toEqual(['a', 'b'])
    adapter.del('a', other)
    adapter.del('b', one)
    expect(plain(adapter).rooms).toEqual([])
  })

  test('names of a mebibyte that differ in the last character only are different rooms', () => {
    const nsp = mockNamespaceWith(['a', 'b'])
    const adapter = on(nsp)
    const [one, other] = ['1', '2'].map((last) => 'x'.repeat(MIB - 1) + last)
    adapter.addAll('a', new Set([one]))
    adapter.addAll('b', new Set([other]))
    adapter.broadcast(event('x'), { rooms: new Set([other]), except: new Set(), flags: {} })
    expect(writtenTo(nsp)).toEqual(['b'])
    expect(adapter.rooms.has(one)).toBe(true)
    expect(adapter.rooms.has(one.slice(1))).toBe(false)
  })

  test('a socket can be in 100,000 rooms, and leave them all', () => {
    const nsp = mockNamespaceWith(['a', 'b'])
    const adapter = on(nsp)
    const names = Array.from({ length: 100_000 }, (_, i) => `room ${i}`)
    adapter.addAll('a', new Set(names))
    adapter.addAll('b', new Set(['room 99999']))
    expect(adapter.rooms.size).toBe(100_000)
    expect(adapter.socketRooms('a').size).toBe(100_000)
    expect(adapter.socketRooms('a').has('room 54321')).toBe(true)
    let order = 0
    for (const name of adapter.socketRooms('a')) if (name !== names[order++]) throw new Error(`${name} at ${order}`)
    adapter.broadcast(event('x'), { rooms: new Set(names), except: new Set(), flags: {} })
    expect(writtenTo(nsp)).toEqual(['a', 'b'])
    adapter.delAll('a')
    expect(plain(adapter)).toEqual({ rooms: [['room 99999', ['b']]], sids: [['b', ['room 99999']]] })
  })

  test('ids of sockets can be anything that a Map takes', () => {
    const ids = ['1', 1, '', object, symbol, '\ud800']
    const adapter = on(mockNamespaceWith([]))
    for (const id of ids) adapter.addAll(id, new Set(['room', id]))
    expect([...adapter.rooms.get('room')]).toEqual(ids)
    adapter.delAll(1)
    expect([...adapter.sids.keys()]).toEqual(ids.filter((id) => id !== 1))
    expect(adapter.rooms.has(1)).toBe(false)
    expect(adapter.rooms.has('1')).toBe(true)
  })
})
