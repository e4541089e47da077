'use strict'

const { ADAPTERS_ON_MOCKS } = require('../support/adapters')
const { event, mockNamespaceWith, writtenTo } = require('../support/mocks')

const MINUTES = 60_000
const opts = { connectionStateRecovery: { maxDisconnectionDuration: 5 * MINUTES } }
const to = (...rooms) => ({ rooms: new Set(rooms), except: new Set(), flags: {} })

describe.each(ADAPTERS_ON_MOCKS)('recovery with the $name, on mocks', ({ on, native }) => {
  let nsp, adapter
  beforeEach(() => {
    jest.useFakeTimers({ now: 1_700_000_000_000 })
    nsp = mockNamespaceWith(['s1', 's2'], { opts })
    adapter = on(nsp)
    adapter.addAll('s1', new Set(['s1', 'room']))
  })
  afterEach(() => {
    adapter.close()
    jest.useRealTimers()
  })

  /** Broadcasts an event; returns its offset. */
  function emit(name, options = to()) {
    const packet = event(name)
    adapter.broadcast(packet, options)
    return packet.data[1]
  }

  function persist(more) {
    adapter.persistSession({ sid: 's1', pid: 'pid', rooms: ['s1', 'room'], data: { name: 'a' }, ...more })
  }

  const missed = async (offset, pid = 'pid') => (await adapter.restoreSession(pid, offset)).missedPackets.map(([name]) => name)

  test('an event gets its offset as the last element of its data, before it is encoded', () => {
    const packet = event('x', 1)
    adapter.broadcast(packet, to('room'))
    expect(packet.data).toEqual(['x', 1, expect.any(String)])
    expect(nsp.sockets.get('s1').written[0].encoded).toEqual([`2["x",1,"${packet.data[2]}"]`])
  })

  test('offsets are unique', () => {
    const offsets = Array.from({ length: 500 }, (_, i) => {
      if (i % 50 === 0) jest.advanceTimersByTime(1)
      return emit('x')
    })
    expect(new Set(offsets).size).toBe(500)
    // The stock adapter's do not sort as texts.
    if (native) expect(offsets).toEqual([...offsets].sort())
  })

  test('a session comes back with what it had', async () => {
    const offset = emit('seen')
    // As the admin UI wraps it: not to be cloned.
    const data = new Proxy({ name: 'a' }, {})
    persist({ data })
    const session = await adapter.restoreSession('pid', offset)
    expect(session).toMatchObject({ sid: 's1', pid: 'pid', rooms: ['s1', 'room'], missedPackets: [] })
    expect(session.data).toBe(data)
  })

  test('the missed packets are those to all, to its rooms and to itself, in order, with their offsets', async () => {
    const offset = emit('seen')
    emit('before it was gone', to('room'))
    persist()
    const last = emit('to all')
    emit('to the room', to('room'))
    emit('to both', to('s1', 'room'))
    emit('to another', to('s2'))
    emit('to nobody here', to('nowhere'))
    emit('to itself', to('s1'))
    const { missedPackets } = await adapter.restoreSession('pid', offset)
    expect(missedPackets.map(([name]) => name)).toEqual([
      'before it was gone',
      'to all',
      'to the room',
      'to both',
      'to itself',
    ])
    expect(missedPackets[1]).toEqual(['to all', last])
    expect(await missed(last)).toEqual(['to the room', 'to both', 'to itself'])
  })

  test('what excepted one of its rooms is not among them', async () => {
    const offset = emit('seen')
    persist()
    emit('not to me', { ...to(), except: new Set(['s1']) })
    emit('not to my room', { ...to('s1'), except: new Set(['room']) })
    emit('not to others', { ...to('room'), except: new Set(['s2']) })
    expect(await missed(offset)).toEqual(['not to others'])
  })

  test('a session can be restored again, with what came meanwhile', async () => {
    const offset = emit('seen')
    persist()
    emit('first')
    expect(await missed(offset)).toEqual(['first'])
    emit('second')
    expect(await missed(offset)).toEqual(['first', 'second'])
  })

  test('a later session of the same client replaces the earlier one', async () => {
    const offset = emit('seen')
    persist()
    persist({ sid: 's2', rooms: ['s2'] })
    emit('to the room', to('room'))
    emit('to the new one', to('s2'))
    expect((await adapter.restoreSession('pid', offset)).sid).toBe('s2')
    expect(await missed(offset)).toEqual(['to the new one'])
  })

  test('volatile packets, packets with an acknowledgement and other packets than events are not kept', async () => {
    const offset = emit('seen')
    persist()
    const volatile = event('volatile')
    adapter.broadcast(volatile, { ...to(), flags: { volatile: true } })
    const asked = { ...event('asked'), id: 0 }
    adapter.broadcast(asked, to())
    const other = { type: 4, data: ['other'] }
    adapter.broadcast(other, to())
    const answered = event('answered')
    adapter.broadcastWithAck(answered, to(), () => {}, () => {})
    expect([volatile, asked, other, answered].map(({ data }) => data.length)).toEqual([1, 1, 1, 1])
    expect(writtenTo(nsp)).toHaveLength(5)
    expect(await missed(offset)).toEqual([])
  })

  test.each([
    ['an unknown session', 'nobody', (offset) => offset],
    ['an unknown offset', 'pid', () => 'unknown'],
    ['an empty offset', 'pid', () => ''],
    ['no offset', 'pid', () => undefined],
    ['an offset with more behind it', 'pid', (offset) => `${offset}0`],
    ['an offset in capitals', 'pid', (offset) => `${offset.toUpperCase()}!`],
    ['an offset that is still to come', 'pid', (offset) => `${offset.slice(0, -1)}z`],
  ])('the answer to %s is exactly null', async (_, pid, of) => {
    const offset = emit('seen')
    persist()
    expect(adapter.restoreSession(pid, of(offset))).toBe(null)
    expect(await missed(offset)).toEqual([])
  })

  test('an offset of another adapter is unknown', () => {
    const other = on(mockNamespaceWith([], { opts }))
    const packet = event('x')
    other.broadcast(packet, to())
    other.close()
    emit('seen')
    persist()
    expect(adapter.restoreSession('pid', packet.data[1])).toBe(null)
  })

  test('a session that expired is gone, also before anything cleans it up', async () => {
    emit('first')
    persist()
    jest.setSystemTime(Date.now() + 5 * MINUTES)
    const offset = emit('later')
    expect(await missed(offset)).toEqual([])
    jest.setSystemTime(Date.now() + 1)
    expect(adapter.restoreSession('pid', offset)).toBe(null)
    jest.setSystemTime(Date.now() - MINUTES)
    expect(adapter.restoreSession('pid', offset)).toBe(null)
  })

  test('packets older than the longest disconnection are let go, younger ones stay', async () => {
    const old = emit('old', to('room'))
    jest.advanceTimersByTime(3 * MINUTES)
    const young = emit('young', to('room'))
    emit('last', to('room'))
    jest.advanceTimersByTime(3 * MINUTES)
    persist()
    expect(adapter.restoreSession('pid', old)).toBe(null)
    expect(await missed(young)).toEqual(['last'])
    emit('to me', to('s1'))
    emit('and all')
    expect(await missed(young)).toEqual(['last', 'to me', 'and all'])
    jest.advanceTimersByTime(60 * MINUTES)
    persist()
    expect(adapter.restoreSession('pid', young)).toBe(null)
    const next = emit('next')
    expect(await missed(next)).toEqual([])
  })
})

describe.each(ADAPTERS_ON_MOCKS)('without recovery, the $name', ({ on }) => {
  test('keeps no session and leaves packets as they are', () => {
    for (const options of [undefined, {}]) {
      const adapter = on(mockNamespaceWith(['s1'], { opts: options }))
      const packet = event('x')
      adapter.broadcast(packet, to())
      adapter.persistSession({ sid: 's1', pid: 'pid', rooms: [], data: {} })
      expect(packet.data).toEqual(['x'])
      expect(adapter.restoreSession('pid', 'offset')).toBe(null)
    }
  })
})
