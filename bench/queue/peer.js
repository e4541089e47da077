// @ts-check
'use strict'

/** BullMQ, installed on demand beside the other peers, and a Redis of its own for each run. */

const { execFileSync, spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const { PACKAGES } = require('../lib/peers')

const BULLMQ = { name: 'bullmq', version: '6.7.0' }
const CLIENT = { name: 'ioredis', version: '5.11.1' }
const FOLDER = path.dirname(PACKAGES)

function installBullmq() {
  fs.mkdirSync(FOLDER, { recursive: true })
  const manifest = path.join(FOLDER, 'package.json')
  // Its own root: npm would install into the project otherwise.
  if (!fs.existsSync(manifest)) fs.writeFileSync(manifest, '{ "private": true }\n')
  const wanted = [BULLMQ, CLIENT].map(({ name, version }) => `${name}@${version}`)
  console.log(`> npm install ${wanted.join(' ')}`)
  const flags = ['--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--no-package-lock']
  execFileSync('npm', ['install', ...flags, ...wanted], { cwd: FOLDER, stdio: ['ignore', 'inherit', 'inherit'] })
}

/** @returns {string | undefined} why BullMQ cannot be measured here */
function missing() {
  if (![BULLMQ, CLIENT].every(({ name }) => fs.existsSync(path.join(PACKAGES, name)))) return 'BullMQ is not installed: npm run bench:queue -- --install-peers'
  if (spawnSync('redis-server', ['--version']).status !== 0) return 'there is no redis-server on the PATH'
  return undefined
}

/** @returns {Record<string, string>} */
function versions() {
  const [redis] = /v=\S+/.exec(spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout ?? '') ?? ['']
  return { bullmq: BULLMQ.version, ioredis: CLIENT.version, redis: redis.slice(2) }
}

/** @returns {Promise<number>} a port that is free now */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {net.AddressInfo} */ (server.address())
      server.close(() => resolve(port))
    })
  })
}

/**
 * A Redis that makes each write durable before it answers, as the disk store does.
 * @param {string} folder
 */
async function startRedis(folder) {
  const port = await freePort()
  const settings = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '']
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction']
  const server = spawn('redis-server', [...settings, ...durable], { stdio: ['ignore', 'pipe', 'inherit'] })
  // However this process ends.
  process.once('exit', () => server.kill('SIGKILL'))
  await new Promise((resolve, reject) => {
    server.once('exit', (status) => reject(new Error(`redis-server ended with status ${status}`)))
    server.stdout.on('data', (chunk) => String(chunk).includes('Ready to accept connections') && resolve(undefined))
  })
  server.stdout.resume()
  const ended = new Promise((resolve) => server.once('exit', resolve))
  return {
    port,
    pid: /** @type {number} */ (server.pid),
    stop: () => {
      server.kill('SIGTERM')
      return ended
    },
  }
}

module.exports = { installBullmq, missing, startRedis, versions }
