// @ts-check
'use strict'

/** A dispatcher as the engine sees it: a worker that opens, is told how much it may hold, and closes. */

const { warn } = require('../errors')

const OPEN = 0
const CLOSING = 1
const CLOSED = 2

class Life {
  #engine
  #owner
  #number
  #state = OPEN
  /** How much the engine was told that may be held. */
  #told = 0
  #strong = true
  /** @type {(() => void) | undefined} */
  #onIdle
  #closed
  #markClosed = NOTHING

  /**
   * @param {import('../engine').QueueEngine} engine
   * @param {import('./dispatcher').Dispatcher} owner
   * @param {number} visibilityTimeout ms
   */
  constructor(engine, owner, visibilityTimeout) {
    this.#engine = engine
    this.#owner = owner
    this.#closed = new Promise((resolve) => (this.#markClosed = () => resolve(undefined)))
    this.#number = engine.addWorker(/** @type {any} */ (owner))
    engine.keepAlive.hold()
    const options = { concurrency: 0, visibilityTimeout }
    engine.control({ do: 'consume', worker: this.#number, queue: owner.queue.number, options }).catch((error) => {
      if (this.#state === CLOSED) return
      engine.workerClosed(this.#number)
      this.report(error)
    })
  }

  get allowed() {
    return this.#told
  }

  get isOpen() {
    return this.#state === OPEN
  }

  /** What is said of messages from now on leaves when this turn of the event loop ends. */
  gather() {
    this.#engine.commands.gather()
  }

  /** How many messages the engine may have delivered at once. @param {number} concurrency */
  allow(concurrency) {
    if (concurrency === this.#told || this.#state === CLOSED) return
    this.#told = concurrency
    this.#engine.tell({ do: 'setConcurrency', worker: this.#number, concurrency })
  }

  /**
   * Takes no more, waits for what runs, gives back the rest.
   * @param {number} timeout ms
   */
  async close(timeout) {
    if (this.#state === OPEN) {
      this.#state = CLOSING
      this.#owner.stopTaking()
      if (this.#owner.inFlight > 0) await this.#idle(timeout)
      this.#owner.abandon()
      if (this.#state === CLOSING) this.#engine.tell({ do: 'closeWorker', worker: this.#number })
    }
    await this.#closed
    // The last acknowledgements are durable then.
    if (!this.#engine.ended) await this.#engine.control({ do: 'flush' }).catch(NOTHING)
  }

  /** The engine delivers nothing any more. @returns {boolean} whether that is new */
  end() {
    if (this.#state === CLOSED) return false
    this.#state = CLOSED
    if (this.#strong) this.#engine.keepAlive.letGoNow()
    this.#markClosed()
    return true
  }

  /** Nothing is in flight. */
  idle() {
    this.#onIdle?.()
  }

  /** @param {number} timeout @returns {Promise<void>} */
  #idle(timeout) {
    return new Promise((resolve) => {
      const timer = timeout < 2 ** 31 ? setTimeout(() => resolve(), timeout) : undefined
      this.#onIdle = () => {
        clearTimeout(timer)
        resolve()
      }
      this.#closed.then(this.#onIdle)
    })
  }

  /** @param {boolean} strong it keeps the process alive while it is open */
  hold(strong) {
    if (strong === this.#strong) return
    this.#strong = strong
    if (this.#state === CLOSED) return
    if (strong) this.#engine.keepAlive.hold()
    else this.#engine.keepAlive.letGoNow()
  }

  /** @param {string} name @param {unknown} [detail] */
  tell(name, detail) {
    this.#engine.call(() => this.#owner.emit(name, detail))
  }

  /** @param {unknown} error */
  report(error) {
    if (this.#owner.listenerCount('error') > 0) this.tell('error', error)
    else warn(error)
  }
}

function NOTHING() {}

module.exports = { Life }
