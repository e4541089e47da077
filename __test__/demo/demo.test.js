// @ts-check
'use strict'

const { once } = require('node:events')
const { io } = require('socket.io-client')
const { STAMPEDE } = require('../../examples/demo/limits')
const { describeInBrowser } = require('../support/browser')
const { childrenOf, isAlive, startDemo, until } = require('./demo-process')

const onLinux = process.platform === 'linux' ? test : test.skip

jest.setTimeout(60_000)

/** @type {Awaited<ReturnType<typeof startDemo>>} */
let demo
/** @type {import('socket.io-client').Socket[]} */
let sockets = []

beforeAll(async () => {
  demo = await startDemo()
})
afterEach(() => {
  for (const socket of sockets) socket.close()
  sockets = []
})
afterAll(() => demo?.stop())

/**
 * A connected client, closed after the test.
 * @param {string} namespace
 * @param {object} options
 */
async function connect(namespace, options = {}) {
  const socket = io(new URL(namespace, options.url ?? demo.url).href, {
    forceNew: true,
    reconnection: false,
    ...options,
  })
  sockets.push(socket)
  await new Promise((resolve, reject) => socket.once('connect', () => resolve(null)).once('connect_error', reject))
  return socket
}

/**
 * @param {import('socket.io-client').Socket} socket
 * @param {string} state
 */
async function phase(socket, state) {
  for (;;) {
    const [change] = await once(/** @type {any} */ (socket), 'phase')
    if (change.state === state) return
  }
}

describe('the server of the demo', () => {
  test('serves its page, the client library, and nothing else', async () => {
    const page = await fetch(demo.url)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('Stampede')
    expect((await fetch(new URL('socket.io/socket.io.js', demo.url))).status).toBe(200)
    expect((await fetch(new URL('server.js', demo.url))).status).toBe(404)
    expect((await fetch(new URL('..%2fserver.js', demo.url))).status).toBe(404)
  })

  test('refuses a stampede above the bounds', async () => {
    const socket = await connect('/stampede')
    const [, most] = STAMPEDE.clients
    const clients = most + 1
    expect(await socket.emitWithAck('start', { clients })).toEqual({
      ok: false,
      error: expect.stringContaining('clients'),
    })
    expect(await socket.emitWithAck('start', { rate: 1e9 })).toEqual({
      ok: false,
      error: expect.stringContaining('rate'),
    })
    expect(await socket.emitWithAck('start', { seconds: '5' })).toMatchObject({ ok: false })
  })

  test('refuses what is too long, out of place or too fast in the chat', async () => {
    const socket = await connect('/chat')
    const refused = { ok: false, error: expect.any(String) }
    expect(await socket.emitWithAck('join', 'lobby')).toEqual(refused)
    expect(await socket.emitWithAck('name', 'x'.repeat(25))).toEqual(refused)
    expect(await socket.emitWithAck('name', { toString: 1 })).toEqual(refused)
    expect(await socket.emitWithAck('name', 'Mallory')).toEqual({ ok: true, name: 'Mallory' })
    expect(await socket.emitWithAck('message', { room: 'lobby', text: 'not in it' })).toEqual(refused)
    expect(await socket.emitWithAck('message', null)).toEqual(refused)
    const answers = await Promise.all(Array.from({ length: 40 }, () => socket.emitWithAck('name', 'Mallory')))
    expect(answers).toContainEqual({ ok: false, error: expect.stringContaining('fast') })
  })

  test('does not talk to the pages of other sites', async () => {
    for (const origin of ['http://elsewhere.example', 'null']) {
      await expect(connect('/chat', { extraHeaders: { origin } })).rejects.toThrow()
    }
  })

  onLinux('runs one stampede at a time, and ends it with the page that started it', async () => {
    const owner = await connect('/stampede')
    const other = await connect('/stampede')
    const running = phase(other, 'running')
    expect(await owner.emitWithAck('start', { clients: 10, seconds: 30 })).toEqual({ ok: true })
    await running
    expect(await other.emitWithAck('start', { clients: 10 })).toEqual({
      ok: false,
      error: expect.stringContaining('already'),
    })
    expect(childrenOf(demo.pid)).toHaveLength(2)
    const end = once(/** @type {any} */ (other), 'end')
    owner.close()
    expect(await end).toEqual([{ error: expect.stringContaining('closed') }])
    expect(childrenOf(demo.pid)).toEqual([])
  })

  onLinux.each(/** @type {const} */ (['SIGTERM', 'SIGKILL']))('leaves no process behind after %s', async (signal) => {
    const doomed = await startDemo()
    const socket = await connect('/stampede', { url: doomed.url })
    const running = phase(socket, 'running')
    await socket.emitWithAck('start', { clients: 10, seconds: 30 })
    await running
    const children = childrenOf(doomed.pid)
    expect(children).toHaveLength(2)
    await doomed.stop(signal)
    await until(() => !children.some(isAlive))
  })
})

describeInBrowser('the page of the demo', (pages) => {
  async function openPage() {
    const page = await pages.open(demo.url)
    await page.locator('#connection[data-state=connected]').waitFor()
    return page
  }

  /**
   * @param {import('playwright-core').Page} page
   * @param {string} name
   * @param {string} room
   */
  async function join(page, name, room) {
    await page.getByLabel('Your name').fill(name)
    await page.getByLabel('Room', { exact: true }).fill(room)
    await page.locator('#join').click()
    await page.locator('.tab[data-active=true]', { hasText: room }).waitFor()
  }

  /**
   * @param {import('playwright-core').Page} page
   * @param {string} text
   */
  async function say(page, text) {
    await page.getByLabel('Message', { exact: true }).fill(text)
    await page.getByRole('button', { name: 'Send' }).click()
    await page.locator('.message.own .text', { hasText: text }).waitFor()
  }

  const people = (/** @type {import('playwright-core').Page} */ page) => page.locator('#people li').allTextContents()
  const messages = (/** @type {import('playwright-core').Page} */ page) =>
    page.locator('.message .text').allTextContents()

  test('people talk in one room and are not heard in another', async () => {
    const [ada, grace] = [await openPage(), await openPage()]
    await join(ada, 'Ada', 'engines')
    await join(grace, 'Grace', 'engines')
    await ada.locator('#people li', { hasText: 'Grace' }).waitFor()
    expect(await people(ada)).toEqual(['Ada', 'Grace'])
    expect(await people(grace)).toEqual(['Ada', 'Grace'])

    await say(ada, '<img src=x onerror=alert(1)> hello')
    await grace.locator('.message .text', { hasText: 'hello' }).waitFor()
    expect(await messages(grace)).toEqual(['<img src=x onerror=alert(1)> hello'])

    await join(grace, 'Grace', 'compilers')
    await say(grace, 'only for compilers')
    await grace.locator('.tab button', { hasText: 'engines' }).click()
    await say(grace, 'for engines')
    await ada.locator('.message .text', { hasText: 'for engines' }).waitFor()
    expect(await messages(ada)).toEqual(['<img src=x onerror=alert(1)> hello', 'for engines'])

    await grace.getByRole('button', { name: 'Leave engines' }).click()
    await ada.locator('.notice', { hasText: 'Grace left' }).waitFor()
    expect(await people(ada)).toEqual(['Ada'])
    expect(await messages(grace)).toEqual(['only for compilers'])
  })

  test('others see who is typing, and who has closed the page', async () => {
    const [ada, grace] = [await openPage(), await openPage()]
    await join(ada, 'Ada', 'quiet')
    await join(grace, 'Ada', 'quiet')
    await ada.getByLabel('Message', { exact: true }).pressSequentially('hm')
    await grace.locator('#typing', { hasText: 'Ada is typing' }).waitFor()
    await ada.locator('#people li', { hasText: 'Ada 2' }).waitFor()
    await grace.close()
    await ada.locator('.notice', { hasText: 'Ada 2 left' }).waitFor()
  })

  test('a stampede draws both lines and fills in the numbers', async () => {
    const page = await openPage()
    await page.getByLabel('Seconds').fill('2')
    await page.getByRole('button', { name: '100 clients', exact: true }).click()
    await page.locator('#stampede-status', { hasText: 'Stock adapter: broadcasting' }).waitFor()
    await page.getByRole('button', { name: '500 clients' }).click()
    await page.locator('#stampede-error', { hasText: 'already' }).waitFor()
    await page.locator('#chart[data-state=ended]').waitFor()
    expect(await page.locator('#stampede-status').textContent()).toMatch(/^One broadcast to 100 clients: /)

    const cells = await page.locator('#numbers tbody td:nth-child(-n+3)').allTextContents()
    expect(cells).not.toContain('–')
    const lost = page.getByRole('row', { name: 'Deliveries lost' })
    expect(await lost.getByRole('cell').allTextContents()).toEqual(['0', '0', ''])
    expect(await page.evaluate(coloursOfChart)).toEqual({ stock: true, native: true })
  })
})

/** Runs in the page: which lines the chart shows. */
function coloursOfChart() {
  const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById('chart'))
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'))
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height)
  const style = getComputedStyle(document.documentElement)
  const shown = (/** @type {string} */ name) => {
    const colour = parseInt(style.getPropertyValue(name).trim().slice(1), 16)
    for (let at = 0; at < data.length; at += 4) {
      if (data[at] * 65536 + data[at + 1] * 256 + data[at + 2] === colour && data[at + 3] === 255) return true
    }
    return false
  }
  return { stock: shown('--stock'), native: shown('--native') }
}
