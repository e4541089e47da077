// @ts-check
'use strict'

/** A Redis of the benchmark's own, which keeps its streams over a restart. */

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const net = require('node:net')

/** @returns {Promise<number>} a port that is free now */
async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {net.AddressInfo} */ (server.address())
  server.close()
  await once(server, 'close')
  return port
}

class BenchRedis {
  port = 0
  #folder
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child

  /** @param {string} folder where it writes */
  constructor(folder) {
    this.#folder = folder
    // However this process ends.
    process.once('exit', () => this.#child?.kill('SIGKILL'))
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`
  }

  async start() {
    this.port ||= await freePort()
    const where = ['--bind', '127.0.0.1', '--port', String(this.port), '--dir', this.#folder]
    const keeps = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec']
    const child = spawn('redis-server', [...where, ...keeps], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child = child
    await new Promise((resolve, reject) => {
      let output = ''
      child.stdout.on('data', (chunk) => {
        output += chunk
        if (output.includes('Ready to accept connections')) resolve(undefined)
      })
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${output}`)))
    })
  }

  async stop() {
    if (!this.#child) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
    this.#child = undefined
  }
}

module.exports = { BenchRedis }
