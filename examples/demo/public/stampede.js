// @ts-check

import { Chart } from './chart.js'
import { byId, make } from './dom.js'

/** @typedef {'stock' | 'native'} AdapterName */
/** @typedef {any} Result what the server says at the end of a phase; all times with their unit in {@link ROWS} */

const NAMES = { stock: 'Stock adapter', native: 'Native adapter' }

/**
 * The rows of the table: a figure of a result, how it is written, and whether less of it is better.
 * @type {{ title: string, of: (result: Result) => number | null | undefined, write: (value: number) => string, main?: true, ratio?: false }[]}
 */
const ROWS = [
  { title: 'One broadcast call, median', of: (r) => r.call.p50, write: microseconds, main: true },
  { title: 'One broadcast call, 99 of 100 within', of: (r) => r.call.p99, write: microseconds },
  { title: 'Event-loop delay, median', of: (r) => r.delay.p50, write: milliseconds, ratio: false },
  { title: 'Event-loop delay, 99 of 100 within', of: (r) => r.delay.p99, write: milliseconds, main: true },
  { title: 'Event-loop delay, longest', of: (r) => r.delay.max, write: milliseconds },
  { title: 'Event loop busy', of: (r) => r.busy, write: percent },
  { title: 'CPU of the server, all threads', of: (r) => r.cpu, write: percent },
  { title: 'Deliveries per second', of: (r) => r.deliveries, write: whole, ratio: false },
  { title: 'Arrived at a client, 99 of 100 within', of: (r) => r.latency?.p99, write: microseconds },
  { title: 'Broadcasts left out (too busy)', of: (r) => r.missed, write: whole, ratio: false },
  { title: 'Deliveries lost', of: (r) => r.lost, write: whole, ratio: false },
]

/**
 * The stampede panel.
 * @param {any} socket of the namespace `/stampede`
 */
export function startStampede(socket) {
  new StampedePanel(socket).start()
}

class StampedePanel {
  #socket
  #chart = new Chart(byId('chart'))
  /** @type {Partial<Record<AdapterName, Result>>} */
  #results = {}
  #clients = 0

  /** @param {any} socket */
  constructor(socket) {
    this.#socket = socket
  }

  start() {
    for (const button of document.querySelectorAll('[data-clients]')) {
      button.addEventListener('click', () => this.#start(Number(/** @type {HTMLElement} */ (button).dataset.clients)))
    }
    byId('stop').addEventListener('click', () => this.#socket.emit('stop'))
    this.#socket.on('bounds', (/** @type {any} */ message) => this.#bounds(message))
    this.#socket.on('begin', (/** @type {any} */ options) => this.#begin(options))
    this.#socket.on('phase', (/** @type {any} */ phase) => this.#phase(phase))
    this.#socket.on('sample', (/** @type {any} */ sample) => this.#sample(sample))
    this.#socket.on('result', (/** @type {any} */ result) => this.#result(result))
    this.#socket.on('end', (/** @type {any} */ end) => this.#end(end.error))
    this.#socket.on('disconnect', () => {
      if (byId('chart').dataset.state === 'running') this.#end('the connection was lost')
    })
    this.#fill()
  }

  /** @param {number} clients */
  async #start(clients) {
    const load = Object.fromEntries(['rate', 'bytes', 'seconds'].map((id) => [id, byId(id).valueAsNumber]))
    let answer
    try {
      answer = await this.#socket.timeout(5000).emitWithAck('start', { clients, ...load })
    } catch {
      answer = { ok: false, error: 'The server does not answer' }
    }
    byId('stampede-error').textContent = answer.ok ? '' : answer.error
  }

  /** @param {{ bounds: Record<string, number[]>, clients: string, running: boolean }} message */
  #bounds({ bounds, clients, running }) {
    for (const id of ['rate', 'bytes', 'seconds']) [byId(id).min, byId(id).max] = bounds[id].map(String)
    byId('clients-note').textContent =
      clients === 'rust' ? '' : ' (and the clients are in JavaScript: cargo has not built the load generator)'
    byId('stop').disabled = !running
    if (running) this.#status('A stampede is running, started on another page.')
  }

  /** @param {{ clients: number, seconds: number }} options */
  #begin({ clients, seconds }) {
    this.#results = {}
    this.#clients = clients
    this.#chart.begin(seconds)
    this.#fill()
    byId('stop').disabled = false
    byId('stampede-error').textContent = ''
    byId('chart').dataset.state = 'running'
  }

  /** @param {{ adapter: AdapterName, state: string }} phase */
  #phase({ adapter, state }) {
    const crowd = `${whole(this.#clients)} clients`
    const doing = {
      starting: 'starting the server',
      connecting: `connecting ${crowd}`,
      warming: 'warming up',
      running: `broadcasting to ${crowd}`,
    }
    this.#status(`${NAMES[adapter]}: ${doing[/** @type {keyof typeof doing} */ (state)] ?? state}…`)
  }

  /** @param {{ adapter: AdapterName, at: number, delay: number, call: number | null }} sample */
  #sample({ adapter, at, delay, call }) {
    this.#chart.add(adapter, { at, delay })
    if (call !== null) this.#cell(0, adapter).textContent = microseconds(call)
  }

  /** @param {Result} result */
  #result(result) {
    this.#results[/** @type {AdapterName} */ (result.adapter)] = result
    this.#fill()
  }

  /** @param {string | null} error */
  #end(error) {
    byId('stop').disabled = true
    byId('chart').dataset.state = 'ended'
    const { stock, native } = this.#results
    if (error !== null) this.#status(`Ended early: ${error}.`)
    else if (stock !== undefined && native !== undefined) {
      const crowd = whole(this.#clients)
      const [before, after] = [microseconds(stock.call.p50), microseconds(native.call.p50)]
      this.#status(`One broadcast to ${crowd} clients: ${before} of event loop on stock, ${after} on native.`)
    }
    this.#describeChart()
  }

  /** The chart in words, for whoever cannot see it. */
  #describeChart() {
    const lines = Object.entries(this.#results).map(([adapter, { delay }]) => {
      return `${adapter}: median ${milliseconds(delay.p50)}, longest ${milliseconds(delay.max)}`
    })
    const canvas = byId('chart')
    canvas.setAttribute('aria-label', `Event-loop delay over time. ${lines.join('; ') || 'No results'}.`)
    canvas.dataset.stock = this.#chart.points('stock')
    canvas.dataset.native = this.#chart.points('native')
  }

  /** @param {string} text */
  #status(text) {
    byId('stampede-status').textContent = text
  }

  /** Writes the table. */
  #fill() {
    const { stock, native } = this.#results
    const rows = ROWS.map(({ title, of, write, main, ratio }) => {
      const before = stock && of(stock)
      const after = native && of(native)
      const cells = [before, after].map((value) => make('td', { textContent: value == null ? '–' : write(value) }))
      const times = ratio === false || before == null || after == null ? '' : factor(before, after)
      const head = make('th', { scope: 'row', textContent: title })
      return make('tr', { className: main ? 'main' : '' }, head, ...cells, make('td', { textContent: times }))
    })
    byId('numbers').tBodies[0].replaceChildren(...rows)
  }

  /**
   * @param {number} row
   * @param {AdapterName} adapter
   */
  #cell(row, adapter) {
    return byId('numbers').tBodies[0].rows[row].cells[adapter === 'stock' ? 1 : 2]
  }
}

/** @param {number} value */
function microseconds(value) {
  if (value >= 1000) return milliseconds(value / 1000)
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} µs`
}

/** @param {number} value */
function milliseconds(value) {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}

/** @param {number} value */
function percent(value) {
  const share = value * 100
  return `${share < 10 ? share.toFixed(1) : Math.round(share)} %`
}

/** @param {number} value */
function whole(value) {
  return Math.round(value).toLocaleString('en')
}

/**
 * @param {number} before
 * @param {number} after
 */
function factor(before, after) {
  if (before <= 0 || after <= 0) return ''
  const times = before / after
  if (times > 0.95 && times < 1.05) return 'the same'
  const [ratio, word] = times > 1 ? [times, 'less'] : [1 / times, 'more']
  return `${ratio < 10 ? ratio.toFixed(1) : whole(ratio)}× ${word}`
}
