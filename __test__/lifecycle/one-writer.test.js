'use strict'

const { NATIVE, liveServers } = require('../support/live-server')
const { FrameReader, OP, encodeFrame } = require('../support/websocket-frames')

const listen = liveServers()

const WRITES = ['write', '_write', '_writev', '_writeGeneric', '_writeGenericv']

/** Counts every way in which Node.js writes to a stream. */
function spyOnWrites(stream) {
  const spies = WRITES.filter((name) => stream[name]).map((name) => jest.spyOn(stream, name))
  const handle = stream._handle
  for (const name of ['writeBuffer', 'writev', 'writeUtf8String', 'writeLatin1String', 'writeAsciiString']) {
    spies.push(jest.spyOn(handle, name))
  }
  return () => spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0)
}

/** Frames of a server, as bytes. */
function text(payload) {
  return encodeFrame(OP.TEXT, payload, { mask: false })
}

describe('one writer', () => {
  test('with a lane open, Node.js writes nothing, whatever is sent', async () => {
    const server = await listen(NATIVE, { pingInterval: 20, pingTimeout: 20_000 })
    const client = await server.raw()
    const socket = server.socketOf(client)
    const writes = spyOnWrites(server.streamOf(client))
    expect(server.stats().lanes).toBe(1)
    client.ping('are you there')
    socket.emit('direct', 1)
    socket.emit('binary', Buffer.from([1, 2, 3]), { more: Buffer.alloc(70_000, 7) })
    server.io.emit('broadcast', 2)
    socket.conn.send('2["through Engine.IO"]')
    socket.conn.transport.socket.send('42["through ws"]')
    socket.conn.transport.socket.ping('ws ping')
    const isPing = ({ opcode, payload }) => opcode === OP.TEXT && payload.toString() === '2'
    await client.wait('a pong', () => client.frames.some(({ opcode }) => opcode === OP.PONG))
    await client.wait('heartbeats', () => client.frames.filter(isPing).length > 2)
    await server.sync([client])
    socket.disconnect(true)
    await client.end()
    expect(client.closeCode ?? 1005).toBe(1005)
    expect(client.frames.filter(({ opcode }) => opcode === OP.CLOSE)).toHaveLength(1)
    expect(writes()).toBe(0)
  })

  test('the stream holds the bytes of the frames, and no other', async () => {
    const server = await listen(NATIVE)
    const client = await server.raw()
    const socket = server.socketOf(client)
    const chunks = []
    client.socket.on('data', (chunk) => chunks.push(chunk))
    const expected = []
    for (const size of [0, 1, 120, 125, 126, 1000, 65_535, 65_536, 300_000]) {
      const payload = 'é'.repeat(size >> 1)
      const data = Buffer.alloc(size, 9)
      socket.emit('direct', payload)
      server.io.emit('broadcast', payload)
      server.io.emit('binary', data)
      expected.push(text(`42${JSON.stringify(['direct', payload])}`), text(`42${JSON.stringify(['broadcast', payload])}`))
      expected.push(text('451-["binary",{"_placeholder":true,"num":0}]'), encodeFrame(OP.BINARY, data, { mask: false }))
    }
    socket.disconnect(true)
    await client.end()
    expected.push(text('41'), encodeFrame(OP.CLOSE, '', { mask: false }))
    expect(Buffer.concat(chunks).equals(Buffer.concat(expected))).toBe(true)
  })

  test('a reader of frames finds a single stray byte', () => {
    const frames = [text('2'), text('40{}'), encodeFrame(OP.BINARY, Buffer.alloc(200), { mask: false })]
    expect(new FrameReader().push(Buffer.concat(frames))).toHaveLength(3)
    const stray = Buffer.concat([frames[0], Buffer.from('x'), ...frames.slice(1)])
    expect(() => new FrameReader().push(stray)).toThrow('expected a whole frame')
  })
})
