// @ts-check

import { byId, make, showConnection } from './dom.js'

/** How long an answer of the server may take. */
const ANSWER_MS = 5000
/** The bars move so often. */
const FRAME_MS = 100

/** @typedef {{ from: string, to: string, reason: string, millis: number }} Move */
/**
 * @typedef {object} Job
 * @property {string} id
 * @property {'ready' | 'active' | 'delayed' | 'done' | 'dead'} state
 * @property {number} [seconds] of work
 * @property {number} [attempts]
 * @property {string} [error] of the last attempt
 * @property {string} [worker] that has it, or had it last
 * @property {number} [ran] ms that it has it
 * @property {number} [took] ms
 * @property {Move[]} [moves]
 */

const socket = /** @type {any} */ (window).io('/jobs')
const ticker = new Worker('ticker.js')
/** Each job's line. @type {Map<string, JobLine>} */
const lines = new Map()
let hasDashboard = false

/** One line of a list. */
class JobLine {
  #state = make('span', { className: 'state' })
  #progress = make('progress', { max: 1, value: 0 })
  #more = make('span', { className: 'more' })
  #id = make('span', { className: 'id' })
  element = make('li', { className: 'job' }, this.#id, this.#state, this.#progress, this.#more)
  /** By this page's clock. */
  #since = 0
  #millis = 0

  /** @param {Job} job */
  show(job) {
    if (!this.element.dataset.id) this.#name(job.id)
    const moves = job.moves ?? []
    Object.assign(this.element.dataset, { state: job.state, moved: String(moves.length > 0), worker: job.worker ?? '' })
    put(this.#state, stateOf(job))
    put(this.#more, moreOf(job, moves))
    this.#progress.hidden = job.ran === undefined
    this.#since = performance.now() - (job.ran ?? 0)
    this.#millis = job.ran === undefined ? 0 : (job.seconds ?? 1) * 1000
    this.move()
  }

  /** @param {string} id */
  #name(id) {
    this.element.dataset.id = id
    const text = make('code', { textContent: id })
    this.#id.append(hasDashboard ? make('a', { href: `/queues/queue/jobs/${id}`, target: '_blank', rel: 'noopener' }, text) : text)
  }

  move() {
    if (this.#millis > 0) this.#progress.value = Math.min(1, (performance.now() - this.#since) / this.#millis)
  }
}

/** @param {Job} job */
function stateOf({ state, seconds, attempts = 1, worker, took }) {
  if (state === 'active') return worker ?? 'on its way'
  if (state === 'done') return `done by ${worker ?? 'a worker'}${took === undefined ? '' : ` in ${duration(took)}`}`
  if (state === 'dead') return `failed ${attempts} times`
  if (state === 'delayed') return attempts > 0 ? `failed ${attempts === 1 ? 'once' : `${attempts} times`}` : 'later'
  return `${seconds} s of work`
}

/** @param {number} millis */
function duration(millis) {
  return millis < 1000 ? `${Math.round(millis)} ms` : `${(millis / 1000).toFixed(1)} s`
}

/**
 * @param {Job} job
 * @param {Move[]} moves
 */
function moreOf({ error, attempts = 0, state }, moves) {
  const texts = moves.map(({ from, to, reason, millis }) => {
    const why = reason === 'disconnect' ? 'was closed' : 'did not answer'
    return `${from} ${why}: moved on to ${to} ${millis < 50 ? 'in' : 'when it was free, after'} ${duration(millis)}`
  })
  if (state === 'active' && attempts > 1) texts.push(`attempt ${attempts}`)
  if (error) texts.push(error)
  return texts.join('. ')
}

/**
 * @param {HTMLElement} element
 * @param {string} text
 */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/**
 * @param {string} list
 * @param {Job[]} jobs
 */
function showList(list, jobs) {
  const elements = jobs.map((job) => {
    const line = lines.get(job.id) ?? new JobLine()
    lines.set(job.id, line)
    line.show(job)
    return line.element
  })
  arrange(byId(list), elements)
}

/**
 * Puts them there in that order; what is in its place stays untouched, with its focus.
 * @param {HTMLElement} list
 * @param {HTMLElement[]} elements
 */
function arrange(list, elements) {
  elements.forEach((element, at) => {
    if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null)
  })
  while (list.children.length > elements.length) list.lastElementChild?.remove()
}

/** @param {any} counts */
function showCounts(counts) {
  const shown = { 'with workers': counts.active, waiting: counts.waiting, 'tried again': counts.later, done: counts.done, failed: counts.dead }
  const list = byId('counts')
  if (list.children.length === 0) {
    for (const name of Object.keys(shown)) list.append(make('div', {}, make('dt', { textContent: name }), make('dd')))
  }
  Object.values(shown).forEach((number, at) => put(list.children[at].lastElementChild, number.toLocaleString('en')))
}

/**
 * @param {{ name: string, taking: boolean }[]} workers
 * @param {Job[]} active
 */
function showWorkers(workers, active) {
  const list = byId('workers')
  while (list.children.length > workers.length) list.lastElementChild?.remove()
  workers.forEach(({ name, taking }, at) => {
    const line = list.children[at] ?? list.appendChild(make('li', {}, make('b'), make('span')))
    const job = active.find(({ worker }) => worker === name)
    put(line.firstElementChild, name)
    put(line.lastElementChild, job ? `has ${job.id}` : taking ? 'is free' : 'takes no jobs')
  })
  byId('no-workers').hidden = workers.length > 0
}

socket.on('about', (/** @type {any} */ { dashboard }) => {
  hasDashboard = dashboard
  byId('board-link').hidden = byId('board').hidden = !dashboard
  byId('no-board').hidden = dashboard
})
socket.on('jobs', (/** @type {any} */ { counts, paused, active, waiting, later, ended, workers }) => {
  showCounts(counts)
  byId('paused').hidden = !paused
  showWorkers(workers, active)
  const lists = { active, waiting, later, ended }
  for (const [list, jobs] of Object.entries(lists)) showList(list, jobs)
  const shown = new Set(Object.values(lists).flatMap((jobs) => jobs.map((/** @type {Job} */ { id }) => id)))
  for (const id of lines.keys()) if (!shown.has(id)) lines.delete(id)
})
setInterval(() => lines.forEach((line) => line.move()), FRAME_MS)

/** @param {number} count */
async function send(count) {
  const input = byId('seconds')
  if (!input.reportValidity()) return
  const job = { seconds: input.valueAsNumber }
  try {
    const answers = await Promise.all(
      Array.from({ length: count }, () => socket.timeout(ANSWER_MS).emitWithAck('enqueue', 'jobs', job)),
    )
    const refused = answers.find(({ ok }) => !ok)
    put(byId('send-error'), refused ? `Not all were sent. ${reasonOf(refused)}` : '')
  } catch {
    put(byId('send-error'), 'The server does not answer')
  }
}

/** @param {{ code: string, message: string }} refusal */
function reasonOf({ code, message }) {
  return code === 'QUEUE_FULL' ? 'The queue is full: open more workers.' : message
}

for (const button of document.querySelectorAll('[data-jobs]')) {
  button.addEventListener('click', () => send(Number(/** @type {HTMLElement} */ (button).dataset.jobs)))
}

/** @param {boolean} on */
function stream(on) {
  const rate = byId('rate')
  const button = byId('stream')
  const sends = on && rate.reportValidity()
  button.setAttribute('aria-pressed', String(sends))
  put(button, sends ? 'Stop sending' : 'Keep sending')
  ticker.postMessage(sends ? 1000 / rate.valueAsNumber : 0)
}

ticker.addEventListener('message', () => {
  if (socket.connected) send(1)
})
byId('stream').addEventListener('click', () => stream(byId('stream').getAttribute('aria-pressed') === 'false'))
byId('rate').addEventListener('change', () => stream(byId('stream').getAttribute('aria-pressed') === 'true'))
socket.on('disconnect', () => stream(false))
showConnection(socket)
