// @ts-check
'use strict'

const { spawn } = require('node:child_process')
const { EventEmitter } = require('node:events')
const path = require('node:path')
const readline = require('node:readline')

/** How long a child may take to end after its standard input has, before it is killed. */
const PATIENCE_MS = 1500

/**
 * A child process that takes one command a line and says one JSON object a line (`{ "event": ... }`).
 *
 * It must exit when its standard input ends: so it dies with this process, even when that is killed.
 *
 * Emits each object under the name in its `event` field, and `'gone'` with an error when the process has ended.
 */
class Child extends EventEmitter {
  #process
  #lastWords = ''
  /** @type {Error | undefined} */
  #gone

  /**
   * @param {string} command
   * @param {string[]} parameters
   */
  constructor(command, parameters) {
    super()
    this.#process = spawn(command, parameters, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#process.stdin.on('error', () => {}) // it has ended: 'exit' tells
    this.#process.stderr.on('data', (chunk) => (this.#lastWords = (this.#lastWords + chunk).slice(-2000)))
    readline.createInterface({ input: this.#process.stdout }).on('line', (line) => this.#heard(line))
    this.#process.once('error', (error) => this.#ended(error))
    this.#process.once('close', (code, signal) => {
      const why = this.#lastWords.trim().split('\n').slice(0, 6).join(' ')
      this.#ended(new Error(`${path.basename(command)} ended (${signal ?? code}) ${why}`))
    })
  }

  /** @param {string | object} command */
  send(command) {
    this.#process.stdin.write(`${typeof command === 'string' ? command : JSON.stringify(command)}\n`)
  }

  /**
   * The next object with this `event`.
   * @param {string} event
   * @param {number} milliseconds after which it fails
   * @param {AbortSignal} signal
   * @returns {Promise<any>}
   */
  next(event, milliseconds, signal) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => settle(() => reject(new Error(`No "${event}" in ${milliseconds} ms`))),
        milliseconds,
      )
      const heard = (/** @type {unknown} */ value) => settle(() => resolve(value))
      const gone = (/** @type {Error} */ error) => settle(() => reject(error))
      const aborted = () => settle(() => reject(signal.reason))
      const settle = (/** @type {() => void} */ action) => {
        clearTimeout(timer)
        this.off(event, heard).off('gone', gone)
        signal.removeEventListener('abort', aborted)
        action()
      }
      this.on(event, heard).on('gone', gone)
      signal.addEventListener('abort', aborted)
      if (this.#gone !== undefined) gone(this.#gone)
      else if (signal.aborted) aborted()
    })
  }

  /** Ends it: politely, then not. Resolves when it is gone. */
  async stop() {
    if (this.#gone !== undefined) return
    const gone = new Promise((resolve) => this.once('gone', resolve))
    const timer = setTimeout(() => this.kill(), PATIENCE_MS)
    this.#process.stdin.end()
    await gone
    clearTimeout(timer)
  }

  /** Ends it at once. */
  kill() {
    this.#process.kill('SIGKILL')
  }

  /** @param {string} line */
  #heard(line) {
    let said
    try {
      said = JSON.parse(line)
    } catch {
      return // not for us
    }
    if (said?.event === 'error')
      this.#lastWords += `${said.message}\n` // it ends now
    else if (typeof said?.event === 'string') this.emit(said.event, said)
  }

  /** @param {Error} error */
  #ended(error) {
    if (this.#gone !== undefined) return
    this.#gone = error
    this.emit('gone', error)
  }
}

module.exports = { Child }
