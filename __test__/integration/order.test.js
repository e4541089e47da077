'use strict'

const { ADAPTERS } = require('../support/adapters')
const { WebSocketClient } = require('../support/websocket-client')
const { sync } = require('../support/events')
const { servers } = require('../support/server')

const numberOf = (frame) => Number(/\d+(?=\]$)/.exec(frame)?.[0])

describe.each(ADAPTERS)('the order on the wire with the $name', (adapter) => {
  const open = servers()

  async function rawClient(server, options) {
    const raw = new WebSocketClient(server.url, options)
    server.clients.push(raw)
    const { sid } = await raw.join('/')
    await server.lanes?.connected()
    return { raw, socket: server.io.sockets.sockets.get(sid) }
  }

  test('frames leave in the order of issue, whatever they are: events, broadcasts, acknowledgements, other packets', async () => {
    const server = await open(adapter)
    const { raw, socket } = await rawClient(server)
    socket.on('question', (n, answer) => {
      server.io.emit('n', n + 1)
      answer(n + 2)
      socket.emit('n', n + 3)
      socket.conn.send(`2["n",${n + 4}]`)
      server.io.to(socket.id).emit('n', n + 5)
    })
    for (let n = 0; n < 300; n += 6) {
      raw.ws.send(`42${n}["question",${n}]`)
      server.io.emit('n', n)
      await raw.take('the last answer', (frame) => numberOf(frame) === n + 5)
    }
    raw.ws.send('42600["question",600]')
    raw.ws.send('42606["question",606]')
    const frames = await raw.takeUntil('the last answer', (frame) => numberOf(frame) === 611)
    const expected = [601, 602, 603, 604, 605, 607, 608, 609, 610, 611]
    expect(frames.map(numberOf)).toEqual(expected)
    expect(frames.filter((frame) => frame.startsWith('43'))).toEqual(['43600[602]', '43606[608]'])
  })

  test('attachments follow their packet with nothing in between', async () => {
    const server = await open(adapter)
    const { raw, socket } = await rawClient(server)
    for (let n = 0; n < 40; n++) {
      server.io.emit('b', Buffer.from([n]), Buffer.from([n, n]))
      socket.emit('d', Buffer.from([n, 1]))
      socket.conn.send('2["text"]')
    }
    server.io.emit('last')
    const frames = await raw.takeUntil('the last event', (frame) => frame === '42["last"]')
    const round = (n) => [
      '452-["b",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
      Buffer.from([n]),
      Buffer.from([n, n]),
      '451-["d",{"_placeholder":true,"num":0}]',
      Buffer.from([n, 1]),
      '42["text"]',
    ]
    expect(frames).toEqual([...Array(40).keys()].flatMap(round).concat('42["last"]'))
  })

  test('heartbeats keep their place among the packets', async () => {
    const server = await open(adapter, { server: { pingInterval: 15, pingTimeout: 5000 } })
    const { raw, socket } = await rawClient(server)
    const issued = []
    // Engine.IO has no event for a ping that it sends, but looks at this option around it.
    const { opts } = server.io.engine
    const pinged = () => issued[issued.length - 1] !== '2' && issued.push('2')
    Object.defineProperty(opts, 'pingTimeout', { get: () => (pinged(), 5000), configurable: true })
    server.io.emit('first')
    for (let n = 0; issued.filter((frame) => frame === '2').length < 5; n++) {
      server.io.emit('n', n)
      socket.emit('d', n)
      issued.push(`42["n",${n}]`, `42["d",${n}]`)
      await new Promise(setImmediate)
    }
    Object.defineProperty(opts, 'pingTimeout', { value: 5000, writable: true, configurable: true })
    server.io.emit('last')
    await raw.takeUntil('the first event', (frame) => frame === '42["first"]')
    const frames = await raw.takeUntil('the last event', (frame) => frame === '42["last"]')
    expect(frames).toEqual([...issued, '42["last"]'])
  })

  test('pongs to WebSocket pings and the app’s own WebSocket frames keep their place, too', async () => {
    const server = await open(adapter)
    const { raw, socket } = await rawClient(server)
    const { socket: ws } = socket.conn.transport
    const pongs = []
    raw.ws.on('pong', (data) => pongs.push(`${data} after ${raw.frames.length}`))
    raw.ws.ping('first')
    await new Promise((resolve) => ws.once('ping', resolve))
    server.io.emit('a')
    ws.send('42["own"]')
    ws.send(Buffer.from([1, 2, 3]))
    socket.emit('b')
    const frames = await raw.takeUntil('the event b', (frame) => frame === '42["b"]')
    expect(frames).toEqual(['42["a"]', '42["own"]', Buffer.from([1, 2, 3]), '42["b"]'])
    expect(pongs).toEqual(['first after 0'])
  })

  test('broadcasts in one tick and over many ticks arrive in order at many clients', async () => {
    const server = await open(adapter)
    const clients = await server.connectAll(20)
    const received = clients.map((client) => {
      const numbers = []
      client.on('n', (n) => numbers.push(n))
      return numbers
    })
    let n = 0
    for (let tick = 0; tick < 20; tick++) {
      for (let i = 0; i < 10; i++) server.io.emit('n', n++)
      if (tick % 2) await new Promise(setImmediate)
    }
    await sync(server.io, clients)
    for (const numbers of received) expect(numbers).toEqual([...Array(n).keys()])
  })
})
