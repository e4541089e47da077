// @ts-check
'use strict'

/**
 * The sessions of the sockets of a namespace, as the other servers need them when their clients come back. They are saved while the
 * sockets are connected, too, in small batches: a server that is killed has no time to save them.
 */

const { encode } = require('./msgpack')

/** How often a batch is saved, in ms. */
const EVERY = 250
/** Within this each session is saved again, in ms: its data may have changed without notice, and what Redis keeps expires. */
const ROUND = 10_000
/** The most new and changed ones in a batch. */
const BATCH = 500

/** @typedef {[key: string, session: string | null, milliseconds: number]} Saved null: it is deleted */

class Sessions {
  #nsp
  #prefix
  #duration
  #round
  #save
  /** The private ids by socket, each saved or about to be. @type {Map<string, string>} */
  #pids = new Map()
  /** Those of them that are new or have other rooms. @type {Set<string>} */
  #changed = new Set()
  /** @type {IterableIterator<string> | undefined} */
  #turn
  /** @type {NodeJS.Timeout | undefined} */
  #timer
  #warned = false

  /**
   * @param {any} nsp
   * @param {string} prefix of the keys
   * @param {number} duration ms that a client may be away
   * @param {(sessions: Saved[]) => void} save
   */
  constructor(nsp, prefix, duration, save) {
    this.#nsp = nsp
    this.#prefix = prefix
    this.#duration = Math.max(1, Math.floor(duration))
    this.#round = Math.min(ROUND, Math.max(EVERY, duration / 4))
    this.#save = save
  }

  /** A socket is connected, or has joined or left a room. @param {any} socket */
  changed(socket) {
    if (typeof socket.pid !== 'string') return
    this.#pids.set(socket.id, socket.pid)
    this.#changed.add(socket.id)
    this.#timer ??= setInterval(() => this.#batch(), EVERY).unref()
  }

  /** A socket is gone, and its client may come back. @param {any} session `{sid, pid, rooms, data}` */
  persist(session) {
    if (typeof session.pid !== 'string') return
    this.#forget(session.sid)
    const text = this.#encode(session)
    if (text !== undefined) this.#save([[this.#prefix + session.pid, text, this.#duration]])
  }

  /** A socket is gone. If its session was not persisted, its client does not come back. @param {string} sid */
  gone(sid) {
    const pid = this.#forget(sid)
    if (pid !== undefined) this.#save([[this.#prefix + pid, null, 0]])
  }

  /** @param {string} sid @returns {string | undefined} its private id, if it was known */
  #forget(sid) {
    const pid = this.#pids.get(sid)
    this.#pids.delete(sid)
    this.#changed.delete(sid)
    if (this.#pids.size === 0) this.close()
    return pid
  }

  close() {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#turn = undefined
  }

  #batch() {
    /** @type {Saved[]} */
    const saved = []
    for (const sid of this.#changed) {
      if (saved.length >= BATCH) break
      this.#changed.delete(sid)
      this.#add(sid, saved)
    }
    let turns = Math.ceil((this.#pids.size * EVERY) / this.#round)
    while (turns-- > 0) {
      this.#turn ??= this.#pids.keys()
      const { value, done } = this.#turn.next()
      if (done) this.#turn = undefined
      else this.#add(value, saved)
    }
    if (saved.length > 0) this.#save(saved)
  }

  /** @param {string} sid @param {Saved[]} saved */
  #add(sid, saved) {
    const socket = this.#nsp.sockets.get(sid)
    if (!socket) return
    const { pid, rooms, data } = socket
    const text = this.#encode({ sid, pid, rooms: [...rooms], data })
    if (text !== undefined) saved.push([this.#prefix + pid, text, this.#duration + this.#round])
  }

  /** @param {any} session @returns {string | undefined} undefined when it cannot be written */
  #encode(session) {
    try {
      return encode({ ...session, nsp: this.#nsp.name }).toString('base64')
    } catch (error) {
      if (!this.#warned) {
        this.#warned = true
        const reason = error instanceof Error ? error.message : String(error)
        const message = `expected socket.data to be encodable, got: ${reason}. Such sessions are not recovered`
        process.emitWarning(message, { code: 'ERR_CLUSTER_SESSION' })
      }
      return undefined
    }
  }
}

module.exports = { Sessions }
