'use strict'

const { ADAPTERS_ON_MOCKS } = require('../support/adapters')
const { event, mockNamespaceWith, writtenTo } = require('../support/mocks')

describe.each(ADAPTERS_ON_MOCKS)('broadcasts with acknowledgement of the $name to mocks', ({ on }) => {
  let nsp, adapter
  beforeEach(() => {
    nsp = mockNamespaceWith(['s1', 's2', 's3'], { _ids: 5 })
    adapter = on(nsp)
    for (const id of ['s1', 's2', 's3', 'coming']) adapter.addAll(id, new Set([id, 'room']))
  })

  const ask = (opts) => {
    const counts = []
    const answers = []
    const packet = event('x')
    adapter.broadcastWithAck(packet, opts, (count) => counts.push(count), (answer) => answers.push(answer))
    return { packet, counts, answers }
  }

  test('the number of recipients is told once; sockets that are not connected do not count', () => {
    expect(ask({ rooms: new Set(), except: new Set(), flags: {} }).counts).toEqual([3])
    expect(ask({ rooms: new Set(['s1', 'coming']), except: new Set(), flags: {} }).counts).toEqual([1])
    expect(ask({ rooms: new Set(['nowhere']), except: new Set(), flags: {} }).counts).toEqual([0])
    expect(ask({ rooms: new Set(['room', 's1']), except: new Set(['s2']) }).counts).toEqual([2])
    expect(writtenTo(nsp)).toEqual(['s1', 's1', 's1', 's2', 's3', 's3'])
  })

  test('the packet gets the namespace’s next id, and each recipient the same callback for it', () => {
    const { packet, answers } = ask({ rooms: new Set(['s1', 's2']), except: new Set(), flags: {} })
    expect(packet).toEqual({ type: 2, data: ['x'], nsp: '/', id: 5 })
    expect(nsp._ids).toBe(6)
    expect(nsp.sockets.get('s1').written[0].encoded).toEqual(['25["x"]'])
    nsp.sockets.get('s1').acks.get(5)('one')
    nsp.sockets.get('s2').acks.get(5)('two')
    expect(nsp.sockets.get('s3').acks.size).toBe(0)
    expect(answers).toEqual(['one', 'two'])
  })

  test('callbacks are in place when the packet is written: an answer may come at once', () => {
    for (const socket of nsp.sockets.values()) {
      socket.client.writeToEngine = () => socket.acks.get(5)(socket.id)
    }
    expect(ask({ rooms: new Set(), except: new Set(), flags: {} }).answers).toEqual(['s1', 's2', 's3'])
  })

  test('an error of the encoder reaches the caller, and no callback is left behind', () => {
    nsp.server.encoder.encode = () => {
      throw new Error('cannot be encoded')
    }
    expect(() => ask({ rooms: new Set(), except: new Set(), flags: {} })).toThrow('cannot be encoded')
    expect(nsp.sockets.get('s1').acks.size).toBe(0)
  })

  test('there is one server', async () => {
    await expect(adapter.serverCount()).resolves.toBe(1)
  })
})
