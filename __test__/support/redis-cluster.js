'use strict'

/** A private Redis Cluster for one test file: three primaries, each with a replica. */

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { setTimeout: delay } = require('node:timers/promises')
const { selfSigned } = require('./certificate')
const { startCluster } = require('./cluster')
const { Redis, freePort } = require('./redis')

/** Ms without a sign of a node, after which the others take it for dead. */
const NODE_TIMEOUT = 3000

class RedisCluster {
  /** @type {Redis[]} */
  nodes = []
  #directory = ''
  /** Of all nodes, when they are to be spoken to with TLS and a password only. @type {{ password: string, cert: string, ports: number[] } | undefined} */
  #secret

  get urls() {
    return this.nodes.map(({ url }) => url)
  }

  /** What the option `redis` is. */
  get option() {
    if (!this.#secret) return { cluster: this.urls }
    const { password, cert, ports } = this.#secret
    return { cluster: ports.map((port) => `rediss://127.0.0.1:${port}`), password, tls: { ca: cert } }
  }

  /** @param {string} [password] with one, also TLS is asked for, but for commands of the tests */
  async start(password) {
    this.#directory = fs.mkdtempSync(path.join(os.tmpdir(), 'redis-cluster-'))
    const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(NODE_TIMEOUT), '--dir', this.#directory]
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(this.#directory, name))
    if (password !== undefined) {
      const pair = selfSigned()
      fs.writeFileSync(key, pair.key)
      fs.writeFileSync(cert, pair.cert)
      this.#secret = { password, cert: pair.cert, ports: [] }
      options.push('--requirepass', password, '--masterauth', password, '--tls-cluster', 'yes', '--tls-replication', 'yes')
      options.push('--tls-key-file', key, '--tls-cert-file', cert, '--tls-ca-cert-file', cert, '--tls-auth-clients', 'no')
    }
    for (let i = 0; i < 6; i++) {
      const own = ['--cluster-config-file', `nodes-${i}.conf`]
      if (this.#secret) {
        const port = await freePort()
        this.#secret.ports.push(port)
        own.push('--tls-port', String(port))
      }
      const redis = new Redis([...options, ...own])
      redis.password = password
      this.nodes.push(redis)
      await redis.start()
    }
    const addresses = (this.#secret?.ports ?? this.nodes.map(({ port }) => port)).map((port) => `127.0.0.1:${port}`)
    const create = [...(this.#secret ? ['--tls', '--cacert', cert] : []), '--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes']
    const env = { ...process.env, REDISCLI_AUTH: password }
    const { status, stdout, stderr } = spawnSync('redis-cli', create, { encoding: 'utf8', timeout: 60_000, env })
    if (status !== 0) throw new Error(`redis-cli --cluster create: ${stdout}${stderr}`)
    await this.ready()
    return this
  }

  get #living() {
    return this.nodes.filter(({ process }) => process?.exitCode === null && process.signalCode === null)
  }

  /** Waits until all living nodes know that each slot is served, and each living replica is in touch with its primary. */
  async ready() {
    const isReady = (/** @type {Redis} */ node) => {
      const role = node.command('ROLE').split('\n')
      return node.command('CLUSTER', 'INFO').includes('cluster_state:ok') && (role[0] === 'master' || role[3] === 'connected')
    }
    while (!this.#living.every(isReady)) await delay(50)
  }

  /** Starts those that are dead again. */
  async revive() {
    for (const node of this.nodes) if (!this.#living.includes(node)) await node.start()
    await this.ready()
  }

  get primaries() {
    return this.#living.filter((node) => node.command('ROLE').startsWith('master'))
  }

  /** A replica of a primary. @param {Redis} primary */
  replicaOf(primary) {
    const replica = this.#living.find((node) => node.command('ROLE').split('\n')[2] === String(primary.port))
    if (!replica) throw new Error(`nobody is a replica of ${primary.port}`)
    return replica
  }

  /** The primary that has a channel. @param {string} channel */
  primaryOf(channel) {
    const slot = Number(this.#living[0].command('CLUSTER', 'KEYSLOT', channel))
    for (const node of this.#living) {
      const own = node.command('CLUSTER', 'NODES').split('\n').find((line) => line.includes('myself,master'))
      const ranges = own?.split(' ').slice(8).map((range) => range.split('-').map(Number)) ?? []
      if (ranges.some(([first, last = first]) => slot >= first && slot <= last)) return node
    }
    throw new Error(`nobody has ${channel}`)
  }

  /** Waits until the replica of a primary has what that has. @param {Redis} primary */
  async replicated(primary) {
    const replica = this.replicaOf(primary)
    const offset = (/** @type {Redis} */ node) => /master_repl_offset:(\d+)/.exec(node.command('INFO', 'replication'))?.[1]
    while (offset(primary) !== offset(replica)) await delay(5)
  }

  /** Makes the replica of a primary the primary, which becomes a replica: without a loss, as for maintenance. @param {Redis} primary */
  async swap(primary) {
    const replica = this.replicaOf(primary)
    replica.command('CLUSTER', 'FAILOVER')
    while (!replica.command('ROLE').startsWith('master')) await delay(20)
    await this.ready()
  }

  /** A primary does nothing until something has happened. @param {Redis} primary @param {Promise<unknown>} until */
  async freeze(primary, until) {
    primary.process?.kill('SIGSTOP')
    try {
      await until
    } finally {
      primary.process?.kill('SIGCONT')
    }
    await this.ready()
  }

  /**
   * Gives the slot of a key to another primary, with all keys in it, one by one.
   * @param {string} key @param {() => unknown} [between] is done before each of them
   */
  async move(key, between) {
    const from = this.primaryOf(key)
    const to = /** @type {Redis} */ (this.primaries.find((node) => node !== from))
    const slot = from.command('CLUSTER', 'KEYSLOT', key)
    const ids = [from, to].map((node) => node.command('CLUSTER', 'MYID'))
    to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[0])
    from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[1])
    for (;;) {
      await between?.()
      const next = from.command('CLUSTER', 'GETKEYSINSLOT', slot, '1')
      if (next === '') break
      from.command('MIGRATE', '127.0.0.1', String(to.port), next, '0', '5000')
    }
    // First the one that has it now, so that nobody is without.
    for (const node of [to, from, ...this.primaries]) node.command('CLUSTER', 'SETSLOT', slot, 'NODE', ids[1])
  }

  /** How many are subscribed to a sharded channel. @param {string} channel */
  subscribers(channel) {
    return this.#living.reduce((sum, node) => sum + node.subscribers(channel), 0)
  }

  async stop() {
    for (const node of this.nodes) await node.stop()
    fs.rmSync(this.#directory, { recursive: true, force: true })
  }
}

/** A Redis Cluster for a test file, and for each test the servers and the emitter that it makes there. */
class OwnRedisCluster {
  redis = new RedisCluster()
  /** @type {any} */
  cluster
  /** @type {any} */
  emitter

  /** @param {any} kinds @param {any} [options] @returns {Promise<any[]>} the servers */
  async start(kinds, options) {
    this.cluster = await startCluster(kinds, /** @type {any} */ (this.redis), options)
    return this.cluster.servers
  }

  async end() {
    await this.emitter?.close({ timeout: 1000 }).catch(() => {})
    await this.cluster?.close()
    this.emitter = this.cluster = undefined
    // Whom a test has left dead.
    await this.redis.revive()
  }
}

/** To be called in a `describe`. @param {string} [password] as for `start()` */
function useRedisCluster(password) {
  const own = new OwnRedisCluster()
  beforeAll(() => own.redis.start(password), 90_000)
  afterAll(() => own.redis.stop())
  afterEach(() => own.end())
  return own
}

/** What a client got with an event. @param {any} client @param {string} name @returns {number[]} */
function valuesOf(client, name) {
  return client.got.filter((/** @type {any[]} */ [event]) => event === name).map((/** @type {any[]} */ [, n]) => n)
}

module.exports = { RedisCluster, useRedisCluster, valuesOf }
