// @ts-check

/** Space around the plot, in CSS pixels. */
const MARGIN = { top: 22, right: 10, bottom: 34, left: 44 }
const FONT = '11.5px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'
/** The scale never gets finer than this, so that noise does not look like load. */
const LEAST_MS = 5

/** @typedef {{ at: number, delay: number }} Point in milliseconds */

/** Lines of event-loop delay (ms) over time (s), on a canvas. */
export class Chart {
  #canvas
  #context
  /** @type {Map<string, Point[]>} */
  #lines = new Map()
  #seconds = 10
  #drawn = 0

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'))
    new ResizeObserver(() => this.#soon()).observe(canvas)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#soon())
  }

  /**
   * Empties it.
   * @param {number} seconds the length of the time axis
   */
  begin(seconds) {
    this.#seconds = seconds
    this.#lines.clear()
    this.#soon()
  }

  /**
   * @param {string} line its name is also that of its colour, a variable of the style sheet
   * @param {Point} point
   */
  add(line, point) {
    const points = this.#lines.get(line) ?? []
    this.#lines.set(line, points)
    points.push(point)
    this.#soon()
  }

  /** @param {string} line */
  points(line) {
    return this.#lines.get(line)?.length ?? 0
  }

  #soon() {
    if (this.#drawn === 0) this.#drawn = requestAnimationFrame(() => this.#draw())
  }

  #draw() {
    this.#drawn = 0
    const { clientWidth: width, clientHeight: height } = this.#canvas
    const density = window.devicePixelRatio || 1
    this.#canvas.width = Math.round(width * density)
    this.#canvas.height = Math.round(height * density)
    const context = this.#context
    context.setTransform(density, 0, 0, density, 0, 0)
    context.clearRect(0, 0, width, height)

    const longest = Math.max(LEAST_MS, ...[...this.#lines.values()].flat().map(({ delay }) => delay))
    const [top, step] = niceScale(longest, 5)
    const plot = { left: MARGIN.left, top: MARGIN.top, right: width - MARGIN.right, bottom: height - MARGIN.bottom }
    const x = (/** @type {number} */ seconds) => plot.left + (seconds / this.#seconds) * (plot.right - plot.left)
    const y = (/** @type {number} */ ms) => plot.bottom - (ms / top) * (plot.bottom - plot.top)
    this.#drawAxes(plot, { x, y, top, step })
    for (const [name, points] of this.#lines) this.#drawLine(points, colour(`--${name}`), x, y)
  }

  /**
   * @param {{ left: number, top: number, right: number, bottom: number }} plot
   * @param {{ x: (s: number) => number, y: (ms: number) => number, top: number, step: number }} scale
   */
  #drawAxes(plot, { x, y, top, step }) {
    const context = this.#context
    context.font = FONT
    context.fillStyle = colour('--soft')
    context.strokeStyle = colour('--grid')
    context.lineWidth = 1
    context.textAlign = 'right'
    context.textBaseline = 'middle'
    for (let ms = 0; ms <= top + step / 2; ms += step) {
      const height = Math.round(y(ms)) + 0.5
      context.beginPath()
      context.moveTo(plot.left, height)
      context.lineTo(plot.right, height)
      context.stroke()
      context.fillText(String(ms), plot.left - 8, height)
    }
    context.textBaseline = 'alphabetic'
    context.textAlign = 'left'
    context.fillText('ms', plot.left - 24, plot.top - 10)
    const [, everySeconds] = niceScale(this.#seconds, 6)
    const whole = Math.max(1, everySeconds)
    context.textAlign = 'center'
    for (let second = 0; second <= this.#seconds; second += whole) {
      context.fillText(String(second), x(second), plot.bottom + 16)
    }
    context.textAlign = 'right'
    context.fillText('seconds since the first broadcast', plot.right, plot.bottom + 31)
  }

  /**
   * @param {Point[]} points
   * @param {string} stroke
   * @param {(s: number) => number} x
   * @param {(ms: number) => number} y
   */
  #drawLine(points, stroke, x, y) {
    const context = this.#context
    context.strokeStyle = context.fillStyle = stroke
    context.lineWidth = 2
    context.lineJoin = 'round'
    context.beginPath()
    for (const { at, delay } of points) context.lineTo(x(Math.min(at / 1000, this.#seconds)), y(delay))
    context.stroke()
    const last = points.at(-1)
    if (last === undefined) return
    context.beginPath()
    context.arc(x(Math.min(last.at / 1000, this.#seconds)), y(last.delay), 3, 0, 2 * Math.PI)
    context.fill()
  }
}

/**
 * @param {number} most
 * @param {number} steps
 * @returns {[number, number]} the end of the scale and the distance of its lines: 1, 2 or 5 times a power of ten
 */
function niceScale(most, steps) {
  const rough = most / steps
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power
  return [Math.ceil(most / step) * step, step]
}

/** @param {string} variable */
function colour(variable) {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim()
}
