'use strict'

const { ADAPTERS_ON_MOCKS } = require('../support/adapters')
const { event, mockNamespace, mockNamespaceWith, mockSocket, writtenTo } = require('../support/mocks')

const to = (...rooms) => ({ rooms: new Set(rooms), except: new Set(), flags: {} })

describe.each(ADAPTERS_ON_MOCKS)('broadcasts of the $name to mocks', ({ on }) => {
  let nsp, adapter
  beforeEach(() => {
    nsp = mockNamespaceWith(['s1', 's2', 's3'])
    adapter = on(nsp)
    adapter.addAll('s1', new Set(['s1', 'a', 'b']))
    adapter.addAll('s2', new Set(['s2', 'b']))
    adapter.addAll('s3', new Set(['s3', 'c']))
  })

  test('each socket of the union of the rooms is written to once', () => {
    adapter.broadcast(event('x'), to('a', 'b'))
    expect(writtenTo(nsp)).toEqual(['s1', 's2'])
  })

  test('without rooms, all are written to; to unknown rooms, nobody', () => {
    adapter.broadcast(event('x'), to())
    expect(writtenTo(nsp)).toEqual(['s1', 's2', 's3'])
    adapter.broadcast(event('x'), to('nowhere', 'elsewhere'))
    expect(writtenTo(nsp)).toHaveLength(3)
  })

  test('nobody of an excepted room is written to, be it a room or an id', () => {
    adapter.broadcast(event('x'), { rooms: new Set(['a', 'b', 'c']), except: new Set(['a', 'nowhere']), flags: {} })
    expect(writtenTo(nsp)).toEqual(['s2', 's3'])
    adapter.broadcast(event('x'), { rooms: new Set(), except: new Set(['s2', 's3']), flags: {} })
    expect(writtenTo(nsp).sort()).toEqual(['s1', 's2', 's3'])
    adapter.broadcast(event('x'), { rooms: new Set(['a']), except: new Set(['a']), flags: {} })
    expect(writtenTo(nsp)).toHaveLength(3)
  })

  test('except and flags may be missing', () => {
    adapter.broadcast(event('x'), { rooms: new Set(['a']) })
    adapter.broadcast(event('x'), { rooms: new Set() })
    expect(writtenTo(nsp)).toEqual(['s1', 's1', 's2', 's3'])
  })

  test('what the caller hands in is not changed, but for the packet’s namespace', () => {
    const opts = { rooms: new Set(['a']), except: new Set(['c']), flags: { volatile: true, compress: false } }
    const packet = event('x', { y: 1 })
    adapter.broadcast(packet, opts)
    expect(opts).toEqual({ rooms: new Set(['a']), except: new Set(['c']), flags: { volatile: true, compress: false } })
    expect(packet).toEqual({ type: 2, data: ['x', { y: 1 }], nsp: '/' })
  })

  test('a packet is encoded once, and written to each socket with one mutable object of options', () => {
    const encode = jest.spyOn(nsp.server.encoder, 'encode')
    adapter.broadcast(event('x', 1), { ...to('b'), flags: { volatile: true, compress: false } })
    expect(encode).toHaveBeenCalledTimes(1)
    const [first, second] = ['s1', 's2'].map((id) => nsp.sockets.get(id).written[0])
    expect(first.encoded).toEqual(['2["x",1]'])
    expect(second.encoded).toBe(first.encoded)
    expect(second.opts).toBe(first.opts)
    expect(first.opts).toMatchObject({ preEncoded: true, volatile: true, compress: false })
    first.opts.compress = true
    expect(first.opts.compress).toBe(true)
  })

  test('a single text has its WebSocket frame with it, anything else has none', () => {
    adapter.broadcast(event('x', 'ü'.repeat(100)), to('a'))
    adapter.broadcast(event('x', Buffer.from([1])), to('a'))
    const [text, binary] = nsp.sockets.get('s1').written
    expect(text.encoded).toEqual([`2["x","${'ü'.repeat(100)}"]`])
    const [header, payload] = text.opts.wsPreEncodedFrame
    expect([...header]).toEqual([0x81, 126, 0, 210])
    expect(payload.toString()).toBe(`4${text.encoded[0]}`)
    expect(binary.encoded).toEqual(['51-["x",{"_placeholder":true,"num":0}]', Buffer.from([1])])
    expect(binary.opts.wsPreEncodedFrame).toBeUndefined()
  })

  test('the packet carries the namespace’s name, and an acknowledgement’s id if it has one', () => {
    nsp.name = '/other'
    adapter.broadcast(event('x'), to('a'))
    adapter.broadcast({ ...event('x'), id: 7 }, to('a'))
    expect(nsp.sockets.get('s1').written.map(({ encoded }) => encoded[0])).toEqual(['2/other,["x"]', '2/other,7["x"]'])
  })

  test('a member that is not a connected socket is skipped', () => {
    adapter.addAll('coming', new Set(['a']))
    adapter.broadcast(event('x'), to('a'))
    nsp.sockets.set('coming', mockSocket('coming'))
    adapter.broadcast(event('x'), to('a'))
    expect(writtenTo(nsp)).toEqual(['s1', 's1', 'coming'])
  })

  test('sockets are visited room by room, in the order of joining', () => {
    const order = []
    for (const socket of nsp.sockets.values()) socket.client.writeToEngine = () => order.push(socket.id)
    adapter.addAll('s2', new Set(['z', 'y']))
    adapter.addAll('s3', new Set(['y']))
    adapter.addAll('s1', new Set(['y', 'z']))
    adapter.broadcast(event('x'), to('y', 'z'))
    adapter.broadcast(event('x'), to('z', 'y'))
    expect(order).toEqual(['s2', 's3', 's1', 's2', 's1', 's3'])
  })

  test('outgoing listeners are told before the write, and can remove others meanwhile', () => {
    const order = []
    for (const [id, socket] of nsp.sockets) {
      socket.client.writeToEngine = () => order.push(`write ${id}`)
      socket.notifyOutgoingListeners = (packet) => {
        order.push(`notify ${id} ${packet.data[0]} ${packet.nsp}`)
        nsp.sockets.delete('s2')
        adapter.delAll('s2')
      }
    }
    adapter.broadcast(event('x'), to())
    expect(order).toEqual(['notify s1 x /', 'write s1', 'notify s3 x /', 'write s3'])
  })

  test('an error of the encoder reaches the caller, and nothing is written', () => {
    nsp.server.encoder.encode = () => {
      throw new Error('cannot be encoded')
    }
    expect(() => adapter.broadcast(event('x'), to('a'))).toThrow('cannot be encoded')
    expect(writtenTo(nsp)).toEqual([])
  })

  test.each([
    ['one binary message', [Buffer.from([1, 2])]],
    ['a text and array buffers', ['text', new ArrayBuffer(3), new Uint8Array([1])]],
    ['nothing', []],
    ['what is neither text nor binary', [{ of: 'another encoder' }]],
  ])('whatever an encoder makes is written as it is: %s', (_, encoded) => {
    nsp.server.encoder.encode = () => encoded
    adapter.broadcast(event('x'), to('a'))
    expect(nsp.sockets.get('s1').written.map((write) => write.encoded)).toEqual([encoded])
  })

  test('an adapter without sockets in its namespace takes broadcasts in silence', () => {
    const bare = on(mockNamespace())
    expect(() => bare.broadcast(event('x'), to('a'))).not.toThrow()
    expect(() => bare.broadcast(event('x'), to())).not.toThrow()
  })
})
