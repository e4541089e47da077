'use strict'

/** A private Redis server for one test file, on a free port, without anything on disk. */

const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { hasRedis } = require('../../scripts/redis')
const { selfSigned } = require('./certificate')

/** `describe`; without Redis on PATH its tests are skipped, and counted as that. `npm test` says how to get it. */
const describeWithRedis = hasRedis() ? describe : describe.skip

/**
 * Below those that the system gives to outgoing connections: a server that is started again finds its port free. The nodes of a cluster
 * use the port that is 10,000 more, too.
 */
const PORTS = { first: 10_000, count: 9000 }

async function freePort() {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count)
    if (await isFree(port)) return port
  }
}

/** @param {number} port @returns {Promise<boolean>} */
function isFree(port) {
  const server = net.createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

class Redis {
  port = 0
  /** @type {import('node:child_process').ChildProcess | undefined} */
  process
  /** Of its user, if it asks for it. @type {string | undefined} */
  password
  #options

  /** @param {string[]} options of redis-server */
  constructor(options) {
    this.#options = options
  }

  /** What `redis-server` is started with, and what it says when it can be used. @returns {{ words: string[], ready: string }} */
  _begin() {
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    return { words: [...options, ...this.#options], ready: 'Ready to accept connections' }
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`
  }

  /** What the option `redis` is. */
  get option() {
    return this.url
  }

  async start() {
    if (this.port) return this.#start()
    for (;;) {
      this.port = await freePort()
      try {
        return await this.#start()
      } catch (error) {
        // Another test file was quicker.
        if (!String(error).includes('Address already in use')) throw error
      }
    }
  }

  async #start() {
    const { words, ready } = this._begin()
    const child = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.process = child
    await new Promise((resolve, reject) => {
      let output = ''
      child.stdout.on('data', (chunk) => {
        output += chunk
        if (output.includes(ready)) resolve(undefined)
      })
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${output}`)))
    })
  }

  /** @param {NodeJS.Signals} [signal] */
  async stop(signal = 'SIGKILL') {
    const child = this.process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }

  /** How many are subscribed to a sharded channel. @param {string} channel */
  subscribers(channel) {
    return Number(this.command('PUBSUB', 'SHARDNUMSUB', channel).split('\n')[1])
  }

  /** @param {string[]} words of a command @returns {string} */
  command(...words) {
    const env = this.password === undefined ? process.env : { ...process.env, REDISCLI_AUTH: this.password }
    const { stdout } = spawnSync('redis-cli', ['-p', String(this.port), ...words], { encoding: 'utf8', env })
    return stdout.trim()
  }
}

/** @param {string[]} options of redis-server */
async function startRedis(...options) {
  const redis = new Redis(options)
  await redis.start()
  return redis
}

/** One that speaks TLS too, on `port`, with a certificate that nobody knows; its clients need none. */
async function startTlsRedis() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'redis-tls-'))
  const { key, cert } = selfSigned()
  const files = Object.entries({ key, cert }).map(([name, text]) => {
    fs.writeFileSync(path.join(folder, name), text)
    return path.join(folder, name)
  })
  const port = await freePort()
  const tls = ['--tls-port', String(port), '--tls-key-file', files[0], '--tls-cert-file', files[1]]
  const redis = await startRedis(...tls, '--tls-ca-cert-file', files[1], '--tls-auth-clients', 'no')
  const stop = async () => {
    await redis.stop()
    fs.rmSync(folder, { recursive: true })
  }
  return { redis, port, cert, stop }
}

module.exports = { Redis, describeWithRedis, freePort, startRedis, startTlsRedis }
