'use strict'

const { QueueAdapter } = require('../../bull-board')
const { BaseAdapter } = require('@bull-board/api/dist/queueAdapters/base.js')
const { next } = require('../support/events')
const { STORES, collect, deferred, event, open } = require('../support/queues')
const { board } = require('./board')

/** Fails the messages that say so, at their first attempt. */
function failing(queue) {
  return queue.consume(({ payload }) => {
    if (payload.fail) throw new Error('as it was told')
  })
}

describe.each(STORES)('bull-board (%s)', (_, options) => {
  async function opened(settings, adapter) {
    const queues = open(options())
    const jobs = queues.queue('jobs', settings)
    const { call, url } = await board([jobs], adapter)
    const list = async (status, page = 1, perPage = 10) => {
      const query = `activeQueue=jobs&status=${status}&page=${page}&jobsPerPage=${perPage}`
      return (await call('GET', `/queues?${query}`)).queues[0]
    }
    const at = (path) => `/queues/jobs/${path}`
    return { queues, jobs, call, list, at, url }
  }

  test('shows messages by their state, with counts', async () => {
    const { jobs, list } = await opened({ deadLetter: 'dead', maxAttempts: 1 })
    const died = event(jobs, 'dead')
    const worker = failing(jobs)
    await jobs.send({ fail: true })
    await died
    await worker.close()
    const held = deferred()
    const taken = event(jobs, 'delivered')
    const active = jobs.consume(() => held.promise)
    await jobs.send({ n: 'held' }, { key: 'k' })
    await taken
    await jobs.send({ n: 'blocked' }, { key: 'k' })
    await jobs.send({ n: 'later' }, { delay: 60_000, headers: { name: 'mail', trace: 'x' } })
    const shown = await list('latest')
    expect(shown.counts).toEqual({ latest: 0, active: 1, waiting: 1, delayed: 1, failed: 1, completed: 0 })
    expect(shown.jobs).toHaveLength(4)
    expect(shown.statuses).toEqual(['latest', 'active', 'waiting', 'failed', 'delayed'])
    expect(shown.hasWorkers).toBe(true)
    const [[failed], [delayed], [running], [waiting]] = await Promise.all(
      ['failed', 'delayed', 'active', 'waiting'].map(async (state) => (await list(state)).jobs),
    )
    expect(failed).toMatchObject({ data: { fail: true }, failedReason: 'Error: as it was told', isFailed: true, name: 'jobs' })
    // When its attempt began is not known, so there is no time that it took.
    expect(failed).not.toHaveProperty('finishedOn')
    expect(failed.stacktrace).toEqual([expect.stringContaining('attempt 1')])
    expect(delayed).toMatchObject({ name: 'mail', data: { n: 'later' }, opts: { headers: { trace: 'x' } } })
    // From when it was sent, which is not quite when it was stored.
    expect(Math.abs(delayed.delay - 60_000)).toBeLessThan(5000)
    expect([running.data, waiting.data, waiting.opts.key]).toEqual([{ n: 'held' }, { n: 'blocked' }, 'k'])
    held.resolve()
    await active.close()
  })

  test('tries failed ones again, one or all', async () => {
    const { jobs, call, list, at } = await opened({ deadLetter: 'dead', maxAttempts: 1 })
    let died = 0
    const all = deferred()
    jobs.on('dead', () => ++died === 3 && all.resolve())
    const worker = failing(jobs)
    await jobs.sendBatch([1, 2, 3].map((n) => ({ payload: { fail: true, n } })))
    await all.promise
    await worker.close()
    const { jobs: failed } = await list('failed')
    // The latest first.
    expect(failed.map(({ data }) => data.n)).toEqual([3, 2, 1])
    expect((await call('GET', at(failed[0].id))).status).toBe('failed')
    await call('PUT', at(`${failed[0].id}/retry`))
    expect((await list('failed')).counts).toMatchObject({ failed: 2, waiting: 1 })
    expect(await call('PUT', at('retry/failed'))).toEqual({ retried: 2, skipped: 0 })
    expect((await list('failed')).counts).toMatchObject({ failed: 0, waiting: 3 })
    expect((await call('GET', at((await jobs.peek())[0].id))).status).toBe('waiting')
  })

  test('removes, promotes and reschedules', async () => {
    const { jobs, call, at } = await opened()
    const [a, b, c] = await jobs.sendBatch([1, 2, 3].map((payload) => ({ payload, delay: 60_000 })))
    await call('PUT', at(`${a.id}/promote`))
    expect((await jobs.get(a.id)).state).toBe('ready')
    await call('PATCH', at(`${b.id}/delay`), { runAt: Date.now() + 10 })
    while ((await jobs.get(b.id)).state !== 'ready') await new Promise((resolve) => setTimeout(resolve, 5))
    await call('PUT', at(`${c.id}/clean`))
    expect(await jobs.get(c.id)).toBeUndefined()
    await call('PUT', at('promote'))
    expect(await jobs.stats()).toMatchObject({ ready: 2, delayed: 0 })
    await expect(call('GET', at(c.id))).rejects.toMatchObject({ status: 404 })
    await expect(call('GET', at('no-id'))).rejects.toMatchObject({ status: 404 })
    await expect(call('PATCH', at(`${a.id}/update-data`), { jobData: {} })).rejects.toMatchObject({ status: 500 })
    expect((await call('GET', at(`${a.id}/flow`))).isFlowNode).toBe(false)
  })

  test('what a worker holds is not removed, and that is said', async () => {
    const { jobs, call, at } = await opened()
    const held = deferred()
    const taken = event(jobs, 'delivered')
    const worker = jobs.consume(() => held.promise)
    const { id } = await jobs.send(1)
    await taken
    await expect(call('PUT', at(`${id}/clean`))).rejects.toMatchObject({ status: 409 })
    await call('PUT', at('pause'))
    await expect(call('PUT', at('obliterate'), {})).rejects.toMatchObject({ status: 409 })
    held.resolve()
    await worker.close()
  })

  test('pauses, empties and obliterates', async () => {
    const { jobs, call, list, at } = await opened({ deadLetter: 'dead', maxAttempts: 1 })
    const died = event(jobs, 'dead')
    const worker = failing(jobs)
    await jobs.send({ fail: true })
    await died
    await worker.close()
    await expect(call('PUT', at('obliterate'), {})).rejects.toMatchObject({ status: 400 })
    await call('PUT', at('pause'))
    expect((await list('latest')).isPaused).toBe(true)
    await jobs.sendBatch([{ payload: 1 }, { payload: 2 }, { payload: 3, delay: 60_000 }])
    await call('PUT', at('empty'))
    expect((await list('latest')).counts).toMatchObject({ waiting: 0, delayed: 1, failed: 1 })
    await jobs.repeat('daily', { every: 86_400_000 }, 1)
    await call('PUT', at('obliterate'), {})
    expect((await list('latest')).counts).toMatchObject({ waiting: 0, delayed: 0, failed: 0 })
    expect(await jobs.repeats()).toEqual([])
    await call('PUT', at('resume'))
    expect((await list('latest')).isPaused).toBe(false)
  })

  test('cleans what is old of a state, and of other queues nothing', async () => {
    const { queues, jobs, call, at } = await opened({ deadLetter: 'dead', maxAttempts: 1 })
    const other = queues.queue('other', { deadLetter: 'dead', maxAttempts: 1 })
    for (const queue of [jobs, other]) {
      const died = event(queue, 'dead')
      const worker = failing(queue)
      await queue.send({ fail: true })
      await died
      await worker.close()
    }
    await jobs.send('waits')
    // Five seconds of grace: nothing is as old.
    await call('PUT', at('clean/failed'))
    await call('PUT', at('clean/wait'))
    expect(await queues.queue('dead').stats()).toMatchObject({ ready: 2 })
    const adapter = new QueueAdapter(jobs)
    await adapter.clean('failed', -1000)
    await adapter.clean('wait', -1000)
    expect((await queues.queue('dead').list()).messages.map(({ origin }) => origin)).toEqual(['other'])
    expect(await jobs.stats()).toMatchObject({ ready: 0 })
  })

  test('goes through pages, each message once', async () => {
    const { jobs, list } = await opened()
    await jobs.sendBatch(Array.from({ length: 25 }, (__, n) => ({ payload: n })))
    const pages = [await list('waiting', 1), await list('waiting', 2), await list('waiting', 3)]
    expect(pages[0].pagination.pageCount).toBe(3)
    expect(pages.flatMap((page) => page.jobs.map(({ data }) => data))).toEqual(Array.from({ length: 25 }, (__, n) => n))
  })

  test('binary payloads can be read', async () => {
    const { jobs, list } = await opened()
    await jobs.send(Buffer.from('Grüße'))
    await jobs.send(Buffer.from([0, 1, 2, 0xff, 0x41]))
    await jobs.send(Buffer.alloc(5000, 1))
    await jobs.send(undefined)
    await jobs.send({ files: [{ name: 'a', content: Buffer.from('a') }], none: null })
    const [text, bytes, large, nothing, inside] = (await list('waiting')).jobs.map(({ data }) => data)
    expect(text).toEqual({ bytes: 7, text: 'Grüße', hex: ['0000  47 72 c3 bc c3 9f 65                             Gr....e'] })
    expect(bytes).toEqual({ bytes: 5, hex: [expect.stringMatching(/^0000 {2}00 01 02 ff 41 +\.\.\.\.A$/)] })
    expect([large.bytes, large.shown, large.hex.length]).toEqual([5000, 1024, 64])
    expect(nothing).toBe(null)
    const a = { bytes: 1, text: 'a', hex: [expect.stringMatching(/^0000 {2}61 +a$/)] }
    expect(inside).toEqual({ files: [{ name: 'a', content: a }], none: null })
  })

  test('lists what was processed, if asked for', async () => {
    const { jobs, list, call, at } = await opened({}, { recentCompleted: 2 })
    const worker = collect(jobs, 3, { handler: ({ payload }) => ({ doubled: payload * 2 }) })
    const seen = next(jobs, 'drained')
    await jobs.sendBatch([1, 2, 3].map((payload) => ({ payload })))
    await worker.collected
    await seen
    await worker.close()
    const { counts, jobs: completed } = await list('completed')
    expect([counts.completed, completed.map(({ returnValue }) => returnValue)]).toEqual([2, [{ doubled: 6 }, { doubled: 4 }]])
    for (const { timestamp, processedOn, finishedOn } of completed) {
      expect(processedOn).toBeGreaterThanOrEqual(timestamp)
      expect(finishedOn).toBeGreaterThanOrEqual(processedOn)
    }
    await call('PUT', at(`${completed[0].id}/clean`))
    expect((await list('completed')).counts.completed).toBe(1)
  })

  test('adds messages, and changes limits and repetitions', async () => {
    const { jobs, call, at } = await opened({ maxAttempts: 7, backoff: () => 5 })
    const { job } = await call('POST', at('add'), { name: 'mail', data: { to: 'Ada' }, options: { delay: 50_000 } })
    expect(await jobs.get(job.id)).toMatchObject({ payload: { to: 'Ada' }, headers: { name: 'mail' }, state: 'delayed' })
    await call('PUT', at('concurrency'), { concurrency: 3 })
    await call('PUT', at('rate-limit'), { max: 5, duration: 1000 })
    expect(await jobs.options()).toMatchObject({ concurrency: 3, rate: { max: 5, per: 1000 }, maxAttempts: 7 })
    expect(jobs.backoff()).toBe(5)
    expect(await call('GET', at('rate-limit'))).toEqual({ supported: true, rateLimit: { max: 5, duration: 1000 } })
    await call('PUT', at('concurrency'), { concurrency: 0 })
    await call('PUT', at('rate-limit'), { max: null })
    expect(await jobs.options()).not.toHaveProperty('concurrency')
    expect(await jobs.options()).not.toHaveProperty('rate')

    await jobs.repeat('daily', { cron: '0 9 * * *', tz: 'Europe/Berlin' }, { report: 1 }, { headers: { a: 'b' } })
    const { schedulers } = await call('GET', '/job-schedulers')
    expect(schedulers).toEqual([expect.objectContaining({ id: 'daily', pattern: '0 9 * * *', tz: 'Europe/Berlin' })])
    await call('PUT', at('job-schedulers/daily/run'))
    expect((await jobs.peek())[0]).toMatchObject({ payload: { report: 1 }, headers: { a: 'b' } })
    await call('PATCH', at('job-schedulers/daily'), { every: 60_000 })
    expect(await jobs.repeats()).toEqual([expect.objectContaining({ every: 60_000, payload: { report: 1 } })])
    await expect(call('PATCH', at('job-schedulers/daily'), { pattern: 'no' })).rejects.toMatchObject({ status: 400 })
    await call('PUT', at('job-schedulers/daily/remove'))
    expect(await jobs.repeats()).toEqual([])
  })

  test('tells of workers and of the store', async () => {
    const { jobs, call, at } = await opened()
    const worker = jobs.consume(() => {})
    await jobs.stats()
    expect((await call('GET', at('workers'))).workers).toEqual([expect.objectContaining({ addr: `process ${process.pid}` })])
    expect(await call('GET', '/redis/stats')).toMatchObject({ version: expect.stringContaining('socket.io-native-adapter'), clients: { connected: 1 } })
    expect((await call('GET', at('metrics'))).completed.count).toBe(0)
    await worker.close()
  })
})

test('each method that bull-board wants is there', () => {
  const jobs = open({ memory: true }).queue('jobs')
  const adapter = new QueueAdapter(jobs)
  expect(adapter).toBeInstanceOf(BaseAdapter)
  const wanted = ['clean', 'addJob', 'getJob', 'getJobCounts', 'getJobs', 'getJobLogs', 'getMetrics', 'getName', 'getRedisInfo']
  wanted.push('isPaused', 'pause', 'resume', 'empty', 'obliterate', 'promoteAll', 'removeJobScheduler', 'getJobSchedulers')
  wanted.push('getJobSchedulersCount', 'updateJobScheduler', 'runJobSchedulerNow', 'getStatuses', 'getJobStatuses')
  wanted.push('getGlobalConcurrency', 'setGlobalConcurrency')
  for (const name of wanted) expect([name, typeof adapter[name]]).toEqual([name, 'function'])
})

test('what is no queue is refused', () => {
  expect(() => new QueueAdapter({})).toThrow(expect.objectContaining({ code: 'QUEUE_OPTION_INVALID' }))
  const jobs = open({ memory: true }).queue('jobs')
  expect(() => new QueueAdapter(jobs, { recentCompleted: -1 })).toThrow('recentCompleted')
})
