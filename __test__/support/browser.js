// @ts-check
'use strict'

/** Tests in a real browser: the one that `scripts/chromium.js` finds. */

const { chromium } = require('playwright-core')
const { findChromium } = require('../../scripts/chromium')

const FLAGS = [
  '--no-sandbox', // it only opens pages of the tests, and containers run it as root
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** How long a page may take to show something, in milliseconds. */
const PATIENCE = 30_000

/** What Chromium says of a page that takes its time on a busy machine. */
const SLOW = /was preloaded using link preload but not used/

/** @typedef {import('playwright-core').Page} Page */

/** The pages of one `describe`: each in a window of its own, closed after its test, which fails if a page complained. */
class Pages {
  #path
  /** @type {import('playwright-core').Browser | undefined} */
  #browser
  /** @type {string[]} */
  #complaints = []

  /** @param {string} path of the browser */
  constructor(path) {
    this.#path = path
  }

  async launch() {
    this.#browser = await chromium.launch({ executablePath: this.#path, args: FLAGS })
  }

  /**
   * A window. It reaches this computer only: what a page wants from elsewhere (fonts) is answered with nothing.
   * @param {string} url
   * @param {import('playwright-core').BrowserContextOptions} [options]
   * @returns {Promise<Page>}
   */
  async open(url, options) {
    if (!this.#browser) throw new Error('the browser is not running')
    const context = await this.#browser.newContext(options)
    await context.route((to) => to.hostname !== '127.0.0.1', (route) => route.fulfill({ status: 200, body: '' }))
    // Those that it opens, too.
    context.on('page', (page) => this.#watch(page))
    const page = await context.newPage()
    await page.goto(url)
    return page
  }

  /** @param {Page} page */
  #watch(page) {
    page.setDefaultTimeout(PATIENCE)
    page.on('pageerror', (error) => this.#complaints.push(String(error)))
    page.on('console', (message) => {
      const isComplaint = ['error', 'warning'].includes(message.type()) && !SLOW.test(message.text())
      if (isComplaint) this.#complaints.push(message.text())
    })
  }

  async closeAll() {
    await Promise.all(this.#browser?.contexts().map((context) => context.close()) ?? [])
    expect(this.#complaints.splice(0)).toEqual([])
  }

  async end() {
    await this.#browser?.close()
  }
}

/**
 * `describe` for tests that need a browser: without one they are skipped, and counted as that. `npm test` says how to get it.
 * @param {string} name
 * @param {(pages: Pages) => void} tests
 */
function describeInBrowser(name, tests) {
  const path = findChromium()
  const pages = new Pages(path ?? '')
  if (path === undefined) return describe.skip(name, () => tests(pages))
  return describe(name, () => {
    beforeAll(() => pages.launch())
    afterEach(() => pages.closeAll())
    afterAll(() => pages.end())
    tests(pages)
  })
}

module.exports = { describeInBrowser }
