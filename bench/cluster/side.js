// @ts-check
'use strict'

/** Two servers of one kind in one cluster: one sends, the other has the clients. */

const { fork } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { Answers } = require('../lib/answers')
const { LoadGenerator } = require('../lib/load-generator')

const TIMEOUT = 60_000

class ServerProcess {
  /** Its port, once it listens. @type {Promise<number>} */
  started
  #answers
  #child

  /** @param {string} name @param {object} settings @param {string[]} flags of Node.js */
  constructor(name, settings, flags) {
    this.#answers = new Answers(name)
    this.#child = fork(path.join(__dirname, 'server.js'), [JSON.stringify(settings)], { execArgv: ['--expose-gc', ...flags] })
    this.#child.once('exit', (code, signal) => this.#answers.fail(new Error(`${name} ended (${signal ?? code})`)))
    // Asked for now: an answer that nobody waits for is lost.
    this.started = this.#answers.next('start', TIMEOUT)
    this.started.catch(() => {})
    this.#child.on('message', (/** @type {any} */ { result, error }) => {
      if (error === undefined) this.#answers.settle(result)
      else this.#answers.fail(new Error(`${name}: ${error}`))
    })
  }

  /** @param {string} command @param {object} [options] @returns {Promise<any>} */
  ask(command, options = {}) {
    const answer = this.#answers.next(command, TIMEOUT)
    this.#child.send({ command, options })
    return answer
  }

  /** With profiles it ends by itself, or they would not be written. @param {boolean} kindly */
  async close(kindly) {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    if (kindly) this.#child.disconnect()
    else this.#child.kill('SIGKILL')
    await ended
  }
}

class ClusterSide {
  name
  #flags
  #profiles
  #settings

  /**
   * @param {'js' | 'native'} side
   * @param {string} mode
   * @param {import('./redis').BenchRedis} redis
   * @param {string} [profiles] where to write
   */
  constructor(side, mode, redis, profiles) {
    this.name = `${mode} ${side}`
    this.redis = redis
    this.#profiles = profiles
    this.mode = mode
    this.key = `bench-${side}`
    this.#settings = { side, mode, redis: redis.url, key: this.key }
    this.#flags = profiles ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : []
    this.sender = this.server('sender')
    this.receiver = this.server('receiver')
  }

  /** One more server of this kind. @param {string} name @param {{ key?: string, recovery?: boolean }} [more] */
  server(name, more) {
    return new ServerProcess(`${this.name}, ${name}`, { ...this.#settings, ...more }, this.#flags)
  }

  /** @param {number} clients of the receiver */
  async open(clients) {
    this.senderPort = await this.sender.started
    this.clients = new LoadGenerator(await this.receiver.started, clients)
    await this.clients.connected()
    await this.complete()
    await this.receiver.ask('join', { room: 'here' })
    // The first messages find everything cold.
    const calls = await this.sender.ask('paced', { rooms: [], everyMs: 20, ms: 500 })
    await this.clients.received(calls * clients, { by: this.name })
  }

  /** The servers know each other. */
  async complete(servers = [this.sender, this.receiver]) {
    for (const server of servers) {
      while (!(await server.ask('connected')) || (await server.ask('servers')) !== servers.length) await sleep(20)
    }
  }

  async close() {
    await this.clients?.close()
    await Promise.all([this.sender, this.receiver].map((server) => server.close(this.#profiles !== undefined)))
  }
}

module.exports = { ClusterSide }
