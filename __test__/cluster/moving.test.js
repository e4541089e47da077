'use strict'

/**
 * Clients of all kinds that lose their connections again and again and come back to any server, also while those to Redis are cut. As
 * long as a client's session is recovered it gets each packet once, in order. `SECONDS=60 npx jest cluster/moving` goes on longer.
 */

const { setTimeout: delay } = require('node:timers/promises')
const { recovering, useCluster } = require('../support/cluster')
const { until } = require('../support/events')
const { Nomad } = require('../support/nomad')
const { random } = require('../support/random')
const { describeWithRedis } = require('../support/redis')

const SECONDS = Number(process.env.SECONDS ?? 6)
const CLIENTS = 18
const TRANSPORTS = [['websocket'], ['websocket'], ['polling', 'websocket'], ['polling']]

/** Notes what a client gets in each of its sessions. */
class Mover {
  /** By session: what came of each server. @type {number[][][]} */
  sessions = []
  recovered = 0
  #away = false

  /** @param {any[]} servers @param {(below: number) => number} below @param {number} n */
  constructor(servers, below, n) {
    this.servers = servers
    this.below = below
    this.nomad = new Nomad(servers[n % servers.length], { transports: TRANSPORTS[n % TRANSPORTS.length] })
    const { client } = this.nomad
    const begin = () => this.sessions.push(servers.map(() => []))
    begin()
    client.on('connect', () => (client.recovered ? this.recovered++ : begin()))
    client.on('disconnect', () => (this.#away = true))
    client.on('packet', (/** @type {number} */ i, /** @type {number} */ n) => this.sessions.at(-1)?.[i].push(n))
    // What an upgrade keeps from ending at once socket.io-client reads after "disconnect", keeps, and hands out when it is connected again:
    // the server does not know that it has it.
    const { onevent } = client
    client.onevent = (/** @type {any} */ packet) => this.#away || onevent.call(client, packet)
  }

  /** The server may have noticed something, too. */
  async move() {
    const { nomad, servers, below } = this
    if (nomad.client.connected) await nomad.lose()
    await delay(below(150))
    this.#away = false
    await nomad.come(servers[below(servers.length)])
  }

  /** Where one packet of a server does not follow the one before, in a session. */
  get gaps() {
    const all = this.sessions.flat()
    return all.flatMap((list) => list.flatMap((n, at) => (at > 0 && n !== list[at - 1] + 1 ? [list.slice(Math.max(0, at - 2), at + 2)] : [])))
  }
}

describeWithRedis('clients that move', () => {
  const own = useCluster()

  test.each([
    ['all is well', false],
    ['connections to Redis are cut', true],
  ])('each gets everything once and in order while %s', async (_title, cuts) => {
    const servers = await own.start(['native', 'native', 'native'], recovering())
    const below = random()
    for (const { io } of servers) {
      io.on('connection', (/** @type {any} */ socket) => socket.recovered || socket.join('room'))
      io.of('/').adapter.on('cluster:down', () => {})
    }
    const movers = Array.from({ length: CLIENTS }, (_, n) => new Mover(servers, below, n))
    await Promise.all(movers.map(({ nomad }) => nomad.connected()))

    const sent = servers.map(() => 0)
    const sending = setInterval(() => {
      for (const [i, { io }] of servers.entries()) for (let k = 0; k < 2; k++) io.to('room').emit('packet', i, sent[i]++)
    }, 3)
    const cutting = setInterval(() => cuts && own.redis.command('CLIENT', 'KILL', 'TYPE', below(2) ? 'normal' : 'pubsub'), 700)
    const end = Date.now() + SECONDS * 1000
    const moving = movers.map(async (mover) => {
      while (Date.now() < end) {
        await delay(50 + below(500))
        await mover.move()
      }
    })
    await Promise.all(moving)
    clearInterval(cutting)
    // Those whose sessions could not go on have lost their connections once more.
    await delay(500)
    for (const mover of movers) if (!mover.nomad.client.connected) await mover.move()
    await delay(100)
    clearInterval(sending)

    const last = (/** @type {Mover} */ { sessions }) => sessions.at(-1)?.map((list) => list.at(-1))
    for (const mover of movers) {
      await until('it has the last', () => String(last(mover)) === String(sent.map((count) => count - 1)))
      expect(mover.gaps).toEqual([])
    }
    expect(movers.some(({ recovered }) => recovered > 0)).toBe(true)
  }, SECONDS * 1000 + 60_000)
})
