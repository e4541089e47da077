// @ts-check
'use strict'

const path = require('node:path')
const { io } = require('socket.io-client')
const { JOBS } = require('../../examples/demo/limits')
const { describeInBrowser } = require('../support/browser')
const { next, until } = require('../support/events')
const { startDemo } = require('./demo-process')

/** @typedef {import('playwright-core').Page} Page */

jest.setTimeout(60_000)

/** @type {Awaited<ReturnType<typeof startDemo>>} */
let demo
/** @type {import('socket.io-client').Socket[]} */
let sockets = []

// Each test has a queue of its own.
beforeEach(async () => {
  demo = await startDemo()
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close()
  await demo?.stop()
})

/**
 * A client of a namespace, closed after the test.
 * @param {string} namespace
 * @param {object} [options]
 */
function client(namespace, options) {
  const socket = io(new URL(namespace, demo.url).href, { forceNew: true, reconnection: false, ...options })
  sockets.push(socket)
  return socket
}

/**
 * @param {import('socket.io-client').Socket} viewer
 * @param {(state: any) => boolean} holds
 * @returns {Promise<any>} what the page is told, once that holds
 */
async function told(viewer, holds) {
  for (;;) {
    const [state] = await next(viewer, 'jobs')
    if (holds(state)) return state
  }
}

describe('the queue of the demo', () => {
  test('refuses jobs that its workers do not know, and more than it has room for', async () => {
    const viewer = client('/jobs')
    const refused = { ok: false, code: 'ACCEPT_NOT_AUTHORIZED' }
    const [least, most] = JOBS.seconds
    for (const job of [null, 1, [], {}, { seconds: least - 1 }, { seconds: most + 1 }, { seconds: '4' }, { seconds: 1, more: 1 }]) {
      expect(await viewer.emitWithAck('enqueue', 'jobs', job)).toMatchObject(refused)
    }
    expect(await viewer.emitWithAck('enqueue', 'jobs', { seconds: 1, more: 'x'.repeat(300) })).toMatchObject({ code: 'ACCEPT_TOO_LARGE' })
    expect(await viewer.emitWithAck('enqueue', 'jobs.dead', { seconds: 1 })).toMatchObject({ code: 'ACCEPT_QUEUE_UNKNOWN' })
    const codes = new Set()
    for (let sender = 0; sender * 40 <= JOBS.queued; sender++) {
      const other = client('/jobs')
      const answers = Array.from({ length: 41 }, () => other.emitWithAck('enqueue', 'jobs', { seconds: 1 }))
      for (const { code } of await Promise.all(answers)) codes.add(code)
    }
    expect([...codes].sort()).toEqual(['ACCEPT_RATE_LIMITED', 'QUEUE_FULL', undefined])
    const { waiting } = await told(viewer, ({ counts }) => counts.waiting === JOBS.queued)
    expect(waiting).toHaveLength(JOBS.shown)
  })

  test('what a worker says of jobs that it does not have has no effect', async () => {
    const viewer = client('/jobs')
    const worker = client('/workers')
    const given = next(worker, 'job')
    await viewer.emitWithAck('enqueue', 'jobs', { seconds: 1 })
    const [payload, meta, ack] = await given
    expect([payload, meta.attempt]).toEqual([{ seconds: 1 }, 1])
    for (const taking of [null, {}, 'x'.repeat(10_000), 1]) worker.emit('taking', taking)
    ack({ error: 'x'.repeat(10_000) })
    ack({ ok: true })
    const { later } = await told(viewer, (state) => state.counts.later === 1)
    expect(later).toEqual([expect.objectContaining({ id: meta.id, attempts: 1, error: expect.stringMatching(/^.{0,100}$/) })])
  })

  test('has its dashboard at /queues', async () => {
    const viewer = client('/jobs')
    expect((await next(viewer, 'about'))[0]).toMatchObject({ dashboard: true })
    const { id } = await viewer.emitWithAck('enqueue', 'jobs', { seconds: 1 })
    const page = await fetch(new URL('queues', demo.url))
    expect([page.status, page.headers.get('x-frame-options')]).toEqual([200, 'DENY'])
    const { queues } = await (await fetch(new URL('queues/api/queues?activeQueue=jobs&status=waiting', demo.url))).json()
    expect(queues[0]).toMatchObject({ name: 'jobs', jobs: [{ id, data: { seconds: 1 } }] })
    const headers = { origin: 'http://elsewhere.example' }
    expect((await fetch(new URL('queues/api/queues/jobs/pause', demo.url), { method: 'PUT', headers })).status).toBe(403)
  })

  test('says which packages its dashboard needs, and goes on without', async () => {
    await demo.stop()
    demo = await startDemo({ options: ['--require', path.join(__dirname, 'without-bull-board.js')], stderr: 'pipe' })
    await until('it is said', () => demo.said().includes('npm install @bull-board/api @bull-board/express express'))
    const page = await fetch(new URL('queues/', demo.url))
    expect([page.status, await page.text()]).toEqual([501, demo.said()])
    const viewer = client('/jobs')
    expect((await next(viewer, 'about'))[0]).toMatchObject({ dashboard: false })
    expect(await viewer.emitWithAck('enqueue', 'jobs', { seconds: 1 })).toMatchObject({ ok: true })
  })
})

describeInBrowser('the pages of the queue of the demo', (pages) => {
  /** @param {string} name */
  async function openPage(name) {
    const page = await pages.open(new URL(name, demo.url).href)
    await page.locator('#connection[data-state=connected]').waitFor()
    return page
  }

  /**
   * A job's line in a list of the page.
   * @param {Page} page
   * @param {string} list
   */
  const jobsIn = (page, list) => page.locator(`#${list} .job`)

  /**
   * @param {Page} page
   * @param {number} [seconds]
   */
  async function sendJob(page, seconds = 4) {
    await page.getByLabel('Seconds of work').fill(String(seconds))
    await page.getByRole('button', { name: '1 job', exact: true }).click()
  }

  /**
   * A worker's tab, opened by the page, and its name.
   * @param {Page} page
   */
  async function openWorker(page) {
    const opened = page.waitForEvent('popup')
    await page.getByRole('link', { name: 'Open a worker' }).click()
    const tab = await opened
    const heading = tab.getByRole('heading', { name: /^Worker \d+$/ })
    await heading.waitFor()
    return { tab, name: String(await heading.textContent()) }
  }

  test('a job whose worker is closed in the middle is done by another one', async () => {
    const page = await openPage('queues.html')
    const workers = [await openWorker(page), await openWorker(page)]
    await sendJob(page, 8)
    const active = jobsIn(page, 'active')
    await active.filter({ hasText: /^.+Worker/ }).waitFor()
    const id = await active.getAttribute('data-id')
    const has = await active.getAttribute('data-worker')
    const [first, second] = workers[0].name === has ? workers : workers.reverse()
    await first.tab.locator('#doing', { hasText: `Works on ${id}` }).waitFor()
    await first.tab.close()
    await active.filter({ hasText: `${first.name} was closed: moved on to ${second.name}` }).waitFor()
    await second.tab.locator('#doing', { hasText: `Works on ${id}` }).waitFor()
    await jobsIn(page, 'ended').filter({ hasText: `done by ${second.name}` }).waitFor()
    expect(await jobsIn(page, 'ended').getAttribute('data-id')).toBe(id)
    expect(await jobsIn(second.tab, 'done').getAttribute('data-id')).toBe(id)
    expect(await page.locator('#workers li b').allTextContents()).toEqual([second.name])
  })

  test('a job that fails is tried again, and by the dashboard once more', async () => {
    const page = await openPage('queues.html')
    const { tab, name } = await openWorker(page)
    await sendJob(page)
    await tab.getByRole('button', { name: 'Fail this job' }).click()
    await jobsIn(page, 'later').filter({ hasText: `failed once${name} failed it` }).waitFor()
    for (const attempt of [2, 3]) {
      await tab.locator('#doing', { hasText: `attempt ${attempt}` }).waitFor()
      await tab.getByRole('button', { name: 'Fail this job' }).click()
    }
    await jobsIn(page, 'ended').filter({ hasText: 'failed 3 times' }).waitFor()
    const id = await jobsIn(page, 'ended').getAttribute('data-id')
    await fetch(new URL(`queues/api/queues/jobs/${id}/retry`, demo.url), { method: 'PUT' })
    await jobsIn(page, 'active').waitFor()
    expect(await jobsIn(page, 'ended').count()).toBe(0)
    await jobsIn(page, 'ended').filter({ hasText: `done by ${name}` }).waitFor()
    expect(await jobsIn(page, 'ended').getAttribute('data-id')).toBe(id)
  })

  test('a worker that takes no more jobs gets none; jobs can be sent steadily', async () => {
    const page = await openPage('queues.html')
    const { tab, name } = await openWorker(page)
    await tab.getByRole('button', { name: 'Take no more jobs' }).click()
    await page.locator('#workers li', { hasText: `${name}takes no jobs` }).waitFor()
    await page.getByLabel('Seconds of work').fill('1')
    await page.getByLabel('Jobs per second').fill('10')
    await page.getByRole('button', { name: 'Keep sending' }).click()
    await jobsIn(page, 'waiting').nth(3).waitFor()
    await page.getByRole('button', { name: 'Stop sending' }).click()
    expect(await jobsIn(page, 'active').count()).toBe(0)
    await tab.getByRole('button', { name: 'Take jobs again' }).click()
    await jobsIn(page, 'active').filter({ hasText: name }).waitFor()
    await jobsIn(page, 'ended').filter({ hasText: `done by ${name}` }).first().waitFor()
  })

  test('its dashboard is a click away', async () => {
    const page = await openPage('')
    await page.getByRole('link', { name: 'Queues' }).click()
    await page.locator('#connection[data-state=connected]').waitFor()
    await sendJob(page)
    await jobsIn(page, 'waiting').waitFor()
    const id = await jobsIn(page, 'waiting').getAttribute('data-id')
    const opened = page.waitForEvent('popup')
    await page.getByRole('link', { name: 'Open bull-board' }).click()
    const board = await opened
    await board.getByRole('link', { name: 'jobs' }).first().click()
    await board.getByRole('link', { name: String(id) }).waitFor()
  })
})
