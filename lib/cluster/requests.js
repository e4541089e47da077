// @ts-check
'use strict'

/** What a server asks the others. */

const { randomBytes } = require('node:crypto')
const { ClusterIncompleteError } = require('../errors')

/** How often the servers are counted while answers are missing, in ms. */
const COUNT_EVERY = 500

/** @typedef {{ uid: string, name: string }} Member */
/** @typedef {{ count: number | null, before: number | null, silent: Member[], gone: Member[] }} Census */

/**
 * One question to all other servers of a namespace: ends when each has answered, when those that have not are known to be dead or
 * frozen, or at its time-out.
 */
class Question {
  /** @type {any[]} */
  answers = []
  #what
  #census
  #end
  /** How many others are to answer, once they were counted. */
  #expected = -1
  /** Of those that say who they are. @type {Set<string>} */
  #answered = new Set()
  /** Others that ended meanwhile. @type {Map<string, Member>} */
  #gone = new Map()
  /** @type {NodeJS.Timeout | undefined} */
  #timer
  #interval

  /**
   * @param {string} what is asked
   * @param {number} timeout ms
   * @param {() => Promise<Census>} census
   * @param {(error: ClusterIncompleteError | null, answers: any[]) => void} end called once
   */
  constructor(what, timeout, census, end) {
    this.#what = what
    this.#census = census
    this.#end = end
    this.#timer = setTimeout(() => this.#fail([], `after ${timeout} ms`), timeout)
    this.#interval = setInterval(() => this.#count(), COUNT_EVERY)
    this.#count()
  }

  /** @param {any} answer @param {unknown} uid */
  answer(answer, uid) {
    this.answers.push(answer)
    if (typeof uid === 'string') this.#answered.add(uid)
    this.#look()
  }

  #look() {
    if (this.#expected >= 0 && this.answers.length >= this.#expected) this.#finish(null)
  }

  async #count() {
    const { count, silent, gone } = await this.#census()
    if (!this.#timer) return
    if (count === null) return this.#fail([], 'without a connection to Redis')
    const others = Math.max(0, count - 1)
    const first = this.#expected < 0
    if (first) {
      this.#expected = others
    } else {
      // One that has come since did not get the question.
      for (const member of gone) this.#gone.set(member.uid, member)
    }
    this.#look()
    if (!this.#timer || first) return
    const lost = [...this.#gone.values()].filter(({ uid }) => !this.#answered.has(uid))
    const frozen = silent.filter(({ uid }) => !this.#answered.has(uid))
    const left = Math.max(this.#expected - others - (this.#gone.size - lost.length), lost.length)
    const missing = this.#expected - this.answers.length
    if (missing <= left + frozen.length) this.#fail([...lost, ...frozen], 'and the others are dead or frozen')
  }

  /** @param {Member[]} members @param {string} why */
  #fail(members, why) {
    const expected = this.#expected < 0 ? null : this.#expected
    this.#finish(new ClusterIncompleteError(this.#what, this.answers.length, expected, members.map(({ name }) => name), why))
  }

  /** @param {ClusterIncompleteError | null} error */
  #finish(error) {
    if (!this.#timer) return
    clearTimeout(this.#timer)
    clearInterval(this.#interval)
    this.#timer = undefined
    this.#end(error, this.answers)
  }
}

/** Those that wait for answers. */
class Requests {
  #cluster
  /** By id: what to call with each answer. @type {Map<string, (answer: any) => void>} */
  #pending = new Map()
  #sent = 0
  #incomplete = 0

  /** @param {import('./cluster').Cluster} cluster */
  constructor(cluster) {
    this.#cluster = cluster
  }

  stats() {
    return { requests: this.#sent, requestsPending: this.#pending.size, requestsIncomplete: this.#incomplete }
  }

  /**
   * Asks all other servers of a namespace.
   * @param {number} slot
   * @param {string} what for the error
   * @param {(requestId: string) => string | Buffer} write the request
   * @param {(error: ClusterIncompleteError | null, answers: any[]) => void} end
   */
  ask(slot, what, write, end) {
    const requestId = newId()
    const { settings } = this.#cluster
    const question = new Question(what, settings.requestsTimeout, () => this.#cluster.census(slot), (error, answers) => {
      this.#forget(requestId)
      if (error) this.#incomplete++
      end(error, answers)
    })
    this.#send(slot, requestId, write, (answer) => question.answer(answer, answer.uid))
  }

  /**
   * A request whose answers are told one by one.
   * @param {number} slot
   * @param {(requestId: string) => string | Buffer} write the request
   * @param {number} timeout ms, after which they are not any more
   * @param {(answer: any) => void} each
   */
  follow(slot, write, timeout, each) {
    const requestId = newId()
    this.#send(slot, requestId, write, each)
    setTimeout(() => this.#forget(requestId), timeout).unref()
  }

  /** @param {any} answer of another server */
  answer(answer) {
    this.#pending.get(answer.requestId)?.(answer)
  }

  /**
   * @param {number} slot
   * @param {string} requestId
   * @param {(requestId: string) => string | Buffer} write
   * @param {(answer: any) => void} each
   */
  #send(slot, requestId, write, each) {
    this.#sent++
    this.#pending.set(requestId, each)
    this.#cluster.calls.request(slot, write(requestId), requestId)
    this.#cluster.touch()
  }

  /** @param {string} requestId */
  #forget(requestId) {
    if (this.#pending.delete(requestId) && !this.#cluster.closed) this.#cluster.calls.forget(requestId)
  }
}

/** @param {import('../../native').NativeClusterEvent | null} answer @returns {Census} */
function readCensus(answer) {
  const { silent = [], gone = [], before = null } = answer?.message ? JSON.parse(answer.message) : {}
  return { count: answer?.count ?? null, before, silent, gone }
}

function newId() {
  return randomBytes(9).toString('base64url')
}

module.exports = { Requests, readCensus }
