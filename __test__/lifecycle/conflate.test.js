'use strict'

const { BOTH, NATIVE, liveServers } = require('../support/live-server')
const { until } = require('../support/events')
const { bufferedBytes, conflate } = require('../..')

const listen = liveServers()

const KIB = 1024

/** The prices that a client got, `[key, number]` each. */
const pricesOf = (client) => client.all('price').map(([key, n]) => [key, n])

/** Emits `rounds` prices of each key, of a size that counts. */
function tick(server, rounds, extra = () => 'x'.repeat(10 * KIB)) {
  for (let n = 1; n <= rounds; n++) {
    for (const key of ['BTC', 'ETH']) conflate(server.io, key).emit('price', key, n, extra(n))
  }
}

describe('conflate', () => {
  test('a client that is behind gets the newest of each key, in the order of the oldest, and everything else', async () => {
    const server = await listen(NATIVE)
    const [slow, fast] = await server.rawAll(2)
    await server.fill(slow)
    const before = server.stats().bufferedBytes
    tick(server, 1)
    server.io.emit('other', 1)
    tick(server, 100)
    server.socketOf(slow).emit('other', 2)
    await fast.wait('the last price', () => pricesOf(fast).length === 202)
    await until('the newest wait', () => server.stats().conflated === 200)
    expect(server.stats().bufferedBytes - before).toBeLessThan(30 * KIB)
    slow.resume()
    await server.sync([slow, fast])
    expect(pricesOf(slow)).toEqual([['BTC', 100], ['ETH', 100]])
    expect(slow.all('other')).toEqual([[1], [2]])
    const order = slow.packets.map(({ data }) => data?.[0]).filter((name) => name === 'price' || name === 'other')
    expect(order).toEqual(['price', 'price', 'other', 'other'])
  })

  test('messages with attachments are one for a client that is behind', async () => {
    const server = await listen(NATIVE)
    const [slow] = await server.rawAll(1)
    await server.fill(slow)
    tick(server, 20, (n) => ({ data: [Buffer.alloc(3 * KIB, n), Buffer.alloc(n, n)] }))
    await until('the newest wait', () => server.stats().conflated === 38)
    slow.resume()
    await server.sync([slow])
    expect(pricesOf(slow)).toEqual([['BTC', 20], ['ETH', 20]])
    const [[, , { data }]] = slow.all('price')
    expect(data).toEqual([Buffer.alloc(3 * KIB, 20), Buffer.alloc(20, 20)])
  })

  test('rooms, namespaces and sockets can be meant, and one key in two namespaces is two', async () => {
    const server = await listen(NATIVE)
    const [slow, fast] = await server.rawAll(2)
    server.socketOf(slow).join('room')
    await server.fill(slow)
    for (let n = 1; n <= 10; n++) {
      conflate(server.io.to('room'), 'k').emit('room', n)
      conflate(server.io.of('/'), 's').except('nobody').emit('all', n)
      conflate(server.socketOf(slow), 'own').emit('own', n)
    }
    await until('the newest wait', () => server.stats().conflated === 27)
    slow.resume()
    await server.sync([slow, fast])
    expect([slow.all('room'), slow.all('all'), slow.all('own')]).toEqual([[[10]], [[10]], [[10]]])
    expect(fast.all('all')).toHaveLength(10)
    expect([...fast.all('room'), ...fast.all('own')]).toEqual([])
  })

  test('a socket becomes slow, says how much waits for it, and catches up', async () => {
    const server = await listen(NATIVE)
    const [slow, fast] = await server.rawAll(2)
    const { adapter } = server.io.of('/')
    const heard = []
    adapter.on('socket-slow', (id) => heard.push(['slow', id]))
    adapter.on('socket-caught-up', (id) => heard.push(['caught up', id]))
    await server.fill(slow)
    const socket = server.socketOf(slow)
    const before = bufferedBytes(socket)
    server.io.emit('more', 'x'.repeat(50 * KIB))
    await until('it waits', () => bufferedBytes(socket) >= before + 50 * KIB)
    expect(bufferedBytes(server.socketOf(fast))).toBe(0)
    slow.resume()
    await until('nothing waits', () => heard.length === 2)
    expect(heard).toEqual([['slow', socket.id], ['caught up', socket.id]])
    expect(bufferedBytes(socket)).toBe(0)
  })

  test('the last packet is the newest also when a listener comes and goes meanwhile', async () => {
    const server = await listen(NATIVE)
    const client = await server.raw()
    await server.fill(client)
    const socket = server.socketOf(client)
    for (let n = 0; n < 9; n++) {
      if (n === 3) socket.onAnyOutgoing(() => {})
      if (n === 5) socket.offAnyOutgoing()
      conflate(server.io.to(socket.id), 'k').emit('n', n)
    }
    client.resume()
    await server.sync([client])
    const numbers = client.all('n').map(([n]) => n)
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    expect(numbers.at(-1)).toBe(8)
    expect(numbers.length).toBeLessThan(9)
  })

  test('what is not a target or a key is refused', async () => {
    const server = await listen(NATIVE)
    const refused = expect.objectContaining({ code: 'ERR_INVALID_OPTION' })
    for (const target of [undefined, null, {}, 'room', 5]) expect(() => conflate(target, 'k')).toThrow(refused)
    for (const key of [undefined, '', 5, {}, Symbol('k')]) expect(() => conflate(server.io, key)).toThrow(refused)
  })
})

describe.each(BOTH)('conflate with the $name', (kind) => {
  test('clients that keep up get every packet', async () => {
    const server = await listen(kind)
    const clients = await server.rawAll(3)
    tick(server, 50)
    await server.sync(clients)
    for (const client of clients) expect(pricesOf(client)).toHaveLength(100)
  })
})
