'use strict'

/** A private primary with its replica, and sentinels that watch them, for one test file. */

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { setTimeout: delay } = require('node:timers/promises')
const { Redis } = require('./redis')

const NAME = 'mymaster'
/** Ms without a sign of the primary, after which the sentinels take it for dead. */
const DOWN_AFTER = 500

/** A sentinel: a Redis server of another kind, which keeps what it knows in a file. */
class Sentinel extends Redis {
  #file

  /** @param {string} file */
  constructor(file) {
    super([])
    this.#file = file
  }

  _begin() {
    // What it writes there itself comes after its port.
    if (!fs.readFileSync(this.#file, 'utf8').includes('port ')) fs.appendFileSync(this.#file, `port ${this.port}\nbind 127.0.0.1\n`)
    return { words: [this.#file, '--sentinel'], ready: '+monitor' }
  }

  /** The port of the primary. */
  get named() {
    return Number(this.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME).split('\n')[1])
  }
}

class Sentinels {
  /** The first one is the primary when it begins. @type {Redis[]} */
  servers = []
  /** @type {Sentinel[]} */
  sentinels = []
  #directory = fs.mkdtempSync(path.join(os.tmpdir(), 'redis-sentinel-'))

  /** What the option `redis` is. */
  get option() {
    return { sentinels: this.sentinels.map(({ port }) => `127.0.0.1:${port}`), name: NAME }
  }

  /** Not while the servers change. */
  get primary() {
    const port = this.sentinels[0].named
    return /** @type {Redis} */ (this.servers.find((server) => server.port === port))
  }

  get replica() {
    return /** @type {Redis} */ (this.servers.find((server) => server !== this.primary))
  }

  /**
   * @param {object} [options]
   * @param {number} [options.sentinels] how many
   * @param {string[]} [options.servers] options of redis-server
   * @param {{ server: string, sentinel: string }} [options.passwords]
   */
  async start({ sentinels = 1, servers = [], passwords } = {}) {
    const own = passwords ? ['--requirepass', passwords.server, '--masterauth', passwords.server] : []
    for (let i = 0; i < 2; i++) {
      const directory = path.join(this.#directory, String(i))
      fs.mkdirSync(directory)
      const of = i === 0 ? [] : ['--replicaof', '127.0.0.1', String(this.servers[0].port)]
      // A replica that begins gets what there is at once.
      const server = new Redis(['--dir', directory, '--repl-diskless-sync-delay', '0', ...of, ...own, ...servers])
      server.password = passwords?.server
      this.servers.push(server)
      await server.start()
    }
    const [primary] = this.servers
    for (let i = 0; i < sentinels; i++) {
      const file = path.join(this.#directory, `sentinel-${i}.conf`)
      const secrets = passwords ? [`sentinel auth-pass ${NAME} ${passwords.server}`, `requirepass ${passwords.sentinel}`] : []
      const watch = [`monitor ${NAME} 127.0.0.1 ${primary.port} 1`, `down-after-milliseconds ${NAME} ${DOWN_AFTER}`, `failover-timeout ${NAME} 3000`]
      fs.writeFileSync(file, `${[...watch.map((line) => `sentinel ${line}`), ...secrets].join('\n')}\n`)
      const sentinel = new Sentinel(file)
      sentinel.password = passwords?.sentinel
      this.sentinels.push(sentinel)
      await sentinel.start()
    }
    await this.ready()
    return this
  }

  /** How many are subscribed to a sharded channel. @param {string} channel */
  subscribers(channel) {
    return this.primary.subscribers(channel)
  }

  /** Of the primary. @param {string[]} words @returns {string} */
  command(...words) {
    return this.primary.command(...words)
  }

  /** Waits until the replica has what the primary has, and the sentinels know it. */
  async ready() {
    const knows = (/** @type {Sentinel} */ sentinel) => /slaves=1,sentinels=(\d+)/.exec(sentinel.command('INFO', 'sentinel'))?.[1] === String(this.sentinels.length)
    while (!this.sentinels.every(knows)) await delay(20)
    await this.replicated()
  }

  /** Waits until the replica has all that was written until now. */
  async replicated() {
    const offset = (/** @type {Redis} */ server, /** @type {string} */ name) => new RegExp(`^${name}:(\\d+)`, 'm').exec(server.command('INFO', 'replication'))?.[1]
    const [primary, replica] = [this.primary, this.replica]
    const written = Number(offset(primary, 'master_repl_offset'))
    while (!(Number(offset(replica, 'slave_repl_offset')) >= written)) await delay(10)
  }

  /** Kills the primary; returns it, and the replica, which will take its place. */
  async kill() {
    const [killed, replica] = [this.primary, this.replica]
    await killed.stop('SIGKILL')
    return { killed, replica }
  }

  /** Waits until this server is the primary, and the sentinels say so. @param {Redis} server */
  async promoted(server) {
    while (server.command('ROLE').split('\n')[0] !== 'master') await delay(20)
    while (!this.sentinels.every((sentinel) => sentinel.named === server.port)) await delay(20)
  }

  /**
   * Makes the primary a replica of the other, behind the sentinels' back: its clients stay connected. Returns the other one.
   * @param {() => unknown} [between] is done when nothing is replicated any more
   */
  async swap(between) {
    const [demoted, chosen] = [this.primary, this.replica]
    chosen.command('REPLICAOF', 'NO', 'ONE')
    await between?.()
    demoted.command('REPLICAOF', '127.0.0.1', String(chosen.port))
    return chosen
  }

  /** Tells the sentinels who is the primary, which they would find out themselves in half a minute. @param {Redis} server */
  tell(server) {
    for (const sentinel of this.sentinels) {
      sentinel.command('SENTINEL', 'REMOVE', NAME)
      sentinel.command('SENTINEL', 'MONITOR', NAME, '127.0.0.1', String(server.port), '1')
    }
  }

  async stop() {
    for (const process of [...this.sentinels, ...this.servers]) await process.stop()
    fs.rmSync(this.#directory, { recursive: true, force: true })
  }
}

module.exports = { Sentinels }
