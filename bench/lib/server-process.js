// @ts-check
'use strict'

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { ADAPTERS } = require('./adapters')
const { Answers } = require('./answers')
const { FIRST, pinned } = require('./processors')

const START_TIMEOUT = 30_000
const ANSWER_TIMEOUT = 120_000
const SCRIPT = path.join(__dirname, '..', 'server.js')

/** The Socket.IO server of one adapter: a child process (bench/server.js), driven by messages. */
class ServerProcess {
  #child
  #answers

  /**
   * @param {string} adapter a name of `ADAPTERS`
   * @param {import('./rows').Setup} setup
   */
  constructor(adapter, { deflate, oneCore }) {
    this.#answers = new Answers(`the ${adapter} server`)
    const words = [...ADAPTERS[adapter].command, SCRIPT, '--adapter', adapter, ...(deflate ? ['--deflate'] : [])]
    const [command, ...args] = oneCore ? pinned(FIRST, words) : words
    this.#child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.once('error', (error) => this.#answers.fail(error))
    this.#child.once('exit', (code, signal) =>
      this.#answers.fail(new Error(`the ${adapter} server ended (${signal ?? code})`)),
    )
    this.#child.on('message', (/** @type {any} */ { result, error }) => {
      if (error === undefined) this.#answers.settle(result)
      else this.#answers.fail(new Error(`${adapter} server: ${error}`))
    })
  }

  /** @returns {Promise<number>} its port, once it listens */
  port() {
    return this.#answers.next('start', START_TIMEOUT)
  }

  /**
   * @param {'connections' | 'memory' | 'warmUp' | 'measure' | 'begin' | 'finish' | 'allGone'} command
   * @param {object} [options]
   * @returns {Promise<any>}
   */
  ask(command, options = {}) {
    const answer = this.#answers.next(command, ANSWER_TIMEOUT)
    this.#child.send({ command, options })
    return answer
  }

  /**
   * Tells it how many deliveries arrived, which lets a flood go on.
   * @param {number} received
   */
  credit(received) {
    if (this.#child.connected) this.#child.send({ command: 'credit', options: { received } })
  }

  /** Ends it. */
  async close() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}

module.exports = { ServerProcess }
