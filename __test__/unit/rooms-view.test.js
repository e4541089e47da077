'use strict'

const { inspect } = require('node:util')
const { ADAPTERS_ON_MOCKS } = require('../support/adapters')
const { mockNamespace } = require('../support/mocks')

describe.each(ADAPTERS_ON_MOCKS)('rooms and sids of the $name', ({ on, native }) => {
  let adapter
  beforeEach(() => {
    adapter = on(mockNamespace())
    adapter.addAll('s1', new Set(['r1', 'r2']))
    adapter.addAll('s2', new Set(['r2', 'r3']))
  })

  test('they are Maps of Sets to instanceof, Array.isArray, JSON and typeof', () => {
    for (const map of [adapter.rooms, adapter.sids]) {
      expect(map instanceof Map).toBe(true)
      expect([...map.values()].every((set) => set instanceof Set)).toBe(true)
      expect(Object.prototype.toString.call(map)).toBe('[object Map]')
      expect(JSON.stringify(map)).toBe('{}')
    }
    expect(Object.prototype.toString.call(adapter.rooms.get('r1'))).toBe('[object Set]')
  })

  test('they equal plain Maps and Sets, in both directions', () => {
    const rooms = new Map([
      ['r1', new Set(['s1'])],
      ['r2', new Set(['s1', 's2'])],
      ['r3', new Set(['s2'])],
    ])
    expect(adapter.rooms).toEqual(rooms)
    expect(rooms).toEqual(adapter.rooms)
    expect(adapter.sids).toEqual(new Map([['s1', new Set(['r1', 'r2'])], ['s2', new Set(['r2', 'r3'])]]))
    expect(adapter.rooms.get('r2')).toEqual(new Set(['s2', 's1']))
    expect(adapter.rooms.get('r2')).not.toEqual(new Set(['s1']))
    expect(adapter.rooms).not.toEqual(new Map())
  })

  test('has, get and size know what is there and what is not', () => {
    expect(adapter.rooms.size).toBe(3)
    expect(adapter.rooms.has('r1')).toBe(true)
    expect(adapter.rooms.has('r4')).toBe(false)
    expect(adapter.rooms.get('r4')).toBeUndefined()
    const set = adapter.rooms.get('r2')
    expect([set.size, set.has('s1'), set.has('s3'), set.has(undefined)]).toEqual([2, true, false, false])
    expect(adapter.sids.get('s1').has('r3')).toBe(false)
    expect(adapter.sids.get('s1').has('r4')).toBe(false)
    expect(adapter.rooms.get('r2')).toBe(set)
  })

  test('keys, values, entries, forEach and spreading go in the order of joining', () => {
    const { rooms, sids } = adapter
    expect([...rooms.keys()]).toEqual(['r1', 'r2', 'r3'])
    expect([...sids.keys()]).toEqual(['s1', 's2'])
    expect([...rooms.values()].map((set) => [...set])).toEqual([['s1'], ['s1', 's2'], ['s2']])
    expect([...rooms].map(([room, set]) => [room, set.size])).toEqual([['r1', 1], ['r2', 2], ['r3', 1]])
    expect([...rooms.entries()].map(([room]) => room)).toEqual(['r1', 'r2', 'r3'])
    expect(new Map(rooms).get('r2').size).toBe(2)
    const set = sids.get('s2')
    expect([[...set], [...set.keys()], [...set.values()]]).toEqual(Array(3).fill(['r2', 'r3']))
    expect([...set.entries()]).toEqual([['r2', 'r2'], ['r3', 'r3']])
    expect(Array.from(new Set(set))).toEqual(['r2', 'r3'])
  })

  test('forEach hands over the value, the key and the collection, with this', () => {
    const calls = []
    const self = {}
    adapter.rooms.forEach(function (...args) {
      calls.push(this === self, args[1], [...args[0]], args[2] === adapter.rooms)
    }, self)
    expect(calls).toEqual([true, 'r1', ['s1'], true, true, 'r2', ['s1', 's2'], true, true, 'r3', ['s2'], true])
    const set = adapter.sids.get('s1')
    set.forEach(function (value, again, all) {
      calls.push(this === self && value === again && all === set)
    }, self)
    expect(calls.slice(12)).toEqual([true, true])
  })

  test('a room’s order is that of joining, also after some have left and come again', () => {
    for (const id of ['s5', 's4', 's3']) adapter.addAll(id, new Set(['r2']))
    adapter.del('s1', 'r2')
    adapter.addAll('s1', new Set(['r2']))
    expect([...adapter.rooms.get('r2')]).toEqual(['s2', 's5', 's4', 's3', 's1'])
    adapter.del('s1', 'r1')
    adapter.addAll('s1', new Set(['r1']))
    expect([...adapter.rooms.keys()]).toEqual(['r2', 'r3', 'r1'])
    expect([...adapter.sids.get('s1')]).toEqual(['r2', 'r1'])
  })

  test('what was looked at earlier follows later changes', () => {
    const { rooms, sids } = adapter
    const [room, socket] = [rooms.get('r1'), sids.get('s1')]
    adapter.addAll('s3', new Set(['r1', 'r4']))
    adapter.del('s1', 'r2')
    expect([...room]).toEqual(['s1', 's3'])
    expect([...socket]).toEqual(['r1'])
    expect([...rooms.keys()]).toEqual(['r1', 'r2', 'r3', 'r4'])
    expect(sids.size).toBe(3)
  })

  test('a room that is gone stays empty in the hands of who holds it', () => {
    const held = adapter.rooms.get('r1')
    adapter.del('s1', 'r1')
    expect([held.size, [...held], held.has('s1')]).toEqual([0, [], false])
    adapter.addAll('s2', new Set(['r1']))
    expect(held.size).toBe(0)
    expect([...adapter.rooms.get('r1')]).toEqual(['s2'])
  })

  test('the rooms of a socket that is gone stay as they were in the hands of who holds them', () => {
    const held = adapter.sids.get('s1')
    adapter.delAll('s1')
    expect([[...held], held.size, held.has('r1')]).toEqual([['r1', 'r2'], 2, true])
    adapter.addAll('s1', new Set(['r3']))
    expect([...held]).toEqual(['r1', 'r2'])
    expect([...adapter.sids.get('s1')]).toEqual(['r3'])
  })

  test('rooms and sockets can leave while they are iterated', () => {
    adapter.addAll('s3', new Set(['r2']))
    const visited = []
    for (const id of adapter.rooms.get('r2')) {
      visited.push(id)
      adapter.del(id, 'r2')
      adapter.del('s2', 'r2')
    }
    expect(visited).toEqual(['s1', 's3'])
    for (const [room] of adapter.rooms) for (const id of adapter.rooms.get(room)) adapter.del(id, room)
    expect(adapter.rooms.size).toBe(0)
    for (const id of adapter.sids.keys()) adapter.delAll(id)
    expect(adapter.sids.size).toBe(0)
  })

  test('they can be looked at with util.inspect', () => {
    expect(inspect(adapter.rooms.get('r2'))).toBe("Set(2) { 's1', 's2' }")
    expect(inspect(adapter.rooms)).toBe(
      "Map(3) {\n  'r1' => Set(1) { 's1' },\n  'r2' => Set(2) { 's1', 's2' },\n  'r3' => Set(1) { 's2' }\n}",
    )
  })

  // Node.js 22 and newer.
  if (Set.prototype.union) {
    test('the algebra of Sets works on them, on either side', () => {
      const set = adapter.rooms.get('r2')
      expect(set.union(new Set(['s3']))).toEqual(new Set(['s1', 's2', 's3']))
      expect(new Set(['s1', 's3']).intersection(set)).toEqual(new Set(['s1']))
      expect([set.difference(new Set(['s1'])), set.isSubsetOf(new Set(['s1', 's2', 's3']))]).toEqual([new Set(['s2']), true])
      expect(set.isDisjointFrom(adapter.rooms.get('r1'))).toBe(false)
    })
  }

  if (native) {
    test.each([
      ['rooms.set()', ({ rooms }) => rooms.set('r9', new Set())],
      ['rooms.delete()', ({ rooms }) => rooms.delete('r1')],
      ['rooms.clear()', ({ rooms }) => rooms.clear()],
      ['sids.set()', ({ sids }) => sids.set('s9', new Set())],
      ['a room’s add()', ({ rooms }) => rooms.get('r1').add('s9')],
      ['a room’s delete()', ({ rooms }) => rooms.get('r1').delete('s1')],
      ['a socket’s clear()', ({ sids }) => sids.get('s1').clear()],
    ])('%s says that the views are read-only, and changes nothing', (_, change) => {
      expect(() => change(adapter)).toThrow(expect.objectContaining({ code: 'ERR_READ_ONLY' }))
      expect([...adapter.rooms.keys()]).toEqual(['r1', 'r2', 'r3'])
      expect([...adapter.rooms.get('r1')]).toEqual(['s1'])
      expect([...adapter.sids.get('s1')]).toEqual(['r1', 'r2'])
    })
  }
})
