'use strict'

// The dashboard itself, used as an operator uses it.

const { describeInBrowser } = require('../support/browser')
const { STORES, deferred, event, open } = require('../support/queues')
const { board } = require('./board')

jest.setTimeout(60_000)

/** The dashboard shows what it acts with as pictures. */
const RETRY = '.lucide-refresh-cw'
const PROMOTE = '.lucide-corner-up-left'
const REMOVE = '.lucide-trash'

describeInBrowser('bull-board in a browser', (pages) => {
  describe.each(STORES)('%s', (_, options) => {
    /** Messages in each state: a dead one, two that wait, a delayed one, one that a worker holds, and one that was processed. */
    async function inAllStates() {
      const jobs = open(options()).queue('jobs', { deadLetter: 'dead', maxAttempts: 1 })
      const { url } = await board([jobs], { recentCompleted: 10 }, { pollingInterval: { forceInterval: 1 } })
      const processed = []
      let held = deferred()
      const worker = jobs.consume(async ({ payload }) => {
        if (payload === 'dies') throw new Error('as it was told')
        if (payload === 'held') await held.promise
        processed.push(payload)
        return { of: payload }
      })
      const died = event(jobs, 'dead')
      const dead = await jobs.send('dies')
      await died
      const completed = event(jobs, 'completed')
      await jobs.send('done')
      await completed
      const taken = event(jobs, 'delivered')
      await jobs.send('held')
      await taken
      const first = await jobs.send('first')
      const bytes = await jobs.send({ file: Buffer.from('Grüße'), size: 5 })
      const later = await jobs.send('later', { delay: 3_600_000 })
      const page = await pages.open(`${url}/queue/jobs`)
      return { jobs, page, processed, worker, release: () => held.resolve(), ids: { dead, first, bytes, later } }
    }

    /** The tab of a state: its count, none being 0. */
    const tab = (page, state) => page.locator('main').getByRole('link', { name: new RegExp(`^${state}`, 'i') }).first()
    const count = async (page, state) => Number((await tab(page, state).locator('span').last().textContent()).match(/^\d+$/)?.[0] ?? 0)
    const counts = async (page) => {
      const states = ['active', 'waiting', 'failed', 'delayed', 'completed']
      return Object.fromEntries(await Promise.all(states.map(async (state) => [state, await count(page, state)])))
    }

    /** Waits until the page shows it by itself. */
    async function shows(page, expected) {
      let seen
      for (const end = Date.now() + 30_000; Date.now() < end; await page.waitForTimeout(50)) {
        seen = await counts(page)
        if (Object.entries(expected).every(([state, number]) => seen[state] === number)) return
      }
      expect(seen).toMatchObject(expected)
    }

    /** Where a message is shown. */
    const card = (page, { id }) => page.locator('main section > div', { has: page.getByRole('link', { name: id }) })

    async function act(page, message, picture) {
      await card(page, message).locator('button', { has: page.locator(picture) }).click()
      await confirm(page)
    }

    async function confirm(page) {
      await page.getByRole('button', { name: 'Confirm' }).click()
    }

    async function choose(page, item) {
      await page.locator('main button[aria-haspopup=menu]').click()
      await page.getByRole('menuitem', { name: item }).click()
      await confirm(page)
    }

    test('counts change as messages are processed', async () => {
      const { page, processed, release } = await inAllStates()
      await shows(page, { active: 1, waiting: 2, failed: 1, delayed: 1, completed: 1 })
      release()
      await shows(page, { active: 0, waiting: 0, failed: 1, delayed: 1, completed: 4 })
      expect(processed).toHaveLength(4)
      await tab(page, 'completed').click()
      await page.getByRole('tree').filter({ hasText: 'of:"first"' }).waitFor()
      expect(await page.locator('main').textContent()).not.toMatch(/\d days/)
    })

    test('a failed one is tried again, and processed', async () => {
      const { jobs, page, ids, worker, release } = await inAllStates()
      release()
      await shows(page, { active: 0, waiting: 0, completed: 4 })
      await worker.close()
      const again = deferred()
      const better = jobs.consume(({ id, payload }) => again.resolve([id, payload]))
      await tab(page, 'failed').click()
      await card(page, ids.dead).getByText('Error: as it was told').waitFor()
      await act(page, ids.dead, RETRY)
      expect((await again.promise)[1]).toBe('dies')
      await shows(page, { failed: 0, completed: 5 })
      await better.close()
    })

    test('one is removed, one is promoted', async () => {
      const { jobs, page, ids, processed, release } = await inAllStates()
      await tab(page, 'waiting').click()
      await act(page, ids.first, REMOVE)
      await shows(page, { waiting: 1 })
      expect(await jobs.get(ids.first.id)).toBeUndefined()
      await tab(page, 'delayed').click()
      await act(page, ids.later, PROMOTE)
      await shows(page, { waiting: 2, delayed: 0 })
      release()
      await shows(page, { active: 0, waiting: 0 })
      expect(processed.map(String)).toEqual(['done', 'held', '[object Object]', 'later'])
    })

    test('nothing is consumed while the queue is paused', async () => {
      const { jobs, page, processed, release } = await inAllStates()
      await choose(page, 'Pause')
      await page.getByRole('link', { name: /^jobs.*Paused/ }).waitFor()
      expect((await jobs.stats()).paused).toBe(true)
      release()
      await shows(page, { active: 0, waiting: 2, completed: 2 })
      // The worker is free, and two messages are ready: only the pause is between them.
      await jobs.sendBatch(Array.from({ length: 20 }, (__, n) => ({ payload: n })))
      await shows(page, { active: 0, waiting: 22, completed: 2 })
      expect(processed).toEqual(['done', 'held'])
      await choose(page, 'Resume')
      await shows(page, { active: 0, waiting: 0 })
      expect(processed).toHaveLength(24)
    })

    test('bytes in a payload can be read on the page of their message', async () => {
      const { page, ids } = await inAllStates()
      await tab(page, 'waiting').click()
      await card(page, ids.bytes).getByRole('link', { name: ids.bytes.id }).click()
      await page.waitForURL(`**/queue/jobs/${ids.bytes.id}*`)
      const data = page.getByRole('tree')
      await data.getByRole('treeitem', { name: 'hex' }).getByRole('button').click()
      for (const text of ['bytes:7', 'text:"Grüße"', /0000 +47 72 c3 bc c3 9f 65 +Gr\.{4}e/, 'size:5']) {
        await data.getByText(text).first().waitFor()
      }
    })
  })
})
