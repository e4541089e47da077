'use strict'

const { spawn } = require('node:child_process')
const path = require('node:path')
const { Worker } = require('node:worker_threads')
const { directory, event, open, within } = require('../support/queues')

const SCRIPT = path.join(__dirname, 'fixtures', 'ending.js')

/** A process of the fixture. `ended` resolves with its exit status and what it printed. */
function run(way, where) {
  const child = spawn(process.execPath, [SCRIPT, way, where], { stdio: ['ignore', 'pipe', 'pipe'] })
  const out = []
  child.stdout.on('data', (chunk) => out.push(chunk))
  child.stderr.resume()
  const ended = new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code: code ?? signal, out: Buffer.concat(out).toString().trim() }))
  })
  return { child, ended: () => within(`"${way}" to end`, ended) }
}

/** What is in the queue afterwards. */
async function left(where) {
  const queues = open({ path: where })
  const messages = await queues.queue('q').peek()
  return messages.map(({ payload }) => payload)
}

describe('a process ends by itself', () => {
  test.each([
    ['nothing', ''],
    ['await a send', 'sent'],
    ['send and go', ''],
    ['an open worker, unref', 'consumed'],
    ['a worker, closed', 'consumed\nclosed'],
    ['a request that nobody answers', 'QUEUE_REQUEST_TIMEOUT'],
  ])('%s', async (way, out) => {
    for (const where of ['memory', directory()]) {
      expect(await run(way, where).ended()).toEqual({ code: 0, out })
    }
  })

  test('but not while a worker is open', async () => {
    const { child, ended } = run('an open worker', directory())
    const late = new Promise((resolve) => setTimeout(resolve, 300, 'alive'))
    const [line] = await within('a line', require('node:events').once(child.stdout, 'data'))
    expect(String(line)).toBe('consumed\n')
    expect(await Promise.race([late, ended()])).toBe('alive')
    child.kill('SIGKILL')
    await ended()
  })
})

describe('what was sent before the end is stored', () => {
  test.each([
    ['send and exit', 0],
    ['send and go', 0],
    ['send and throw', 1],
  ])('%s', async (way, code) => {
    const where = directory()
    expect((await run(way, where).ended()).code).toBe(code)
    expect(await left(where)).toEqual(['x'])
  })

  test.each([
    ['send and exit', 0],
    ['send and go', 0],
    ['send and throw', 1],
  ])('%s, in a worker thread', async (way, code) => {
    const where = directory()
    const worker = new Worker(SCRIPT, { workerData: [way, where] })
    worker.on('error', () => {})
    expect(await within('the worker to end', event(worker, 'exit'))).toBe(code)
    expect(await left(where)).toEqual(['x'])
  })

  test('worker.terminate() lets go of the directory', async () => {
    const where = directory()
    for (let round = 0; round < 5; round++) {
      const worker = new Worker(SCRIPT, { workerData: ['hold', where] })
      await event(worker, 'message')
      await within('the worker to end', worker.terminate())
    }
    expect(await left(where)).toEqual([])
  })
})

test('a second process is refused with the pid of the first, until that is gone', async () => {
  const where = directory()
  const holder = run('hold', where)
  await within('the holder', require('node:events').once(holder.child.stdout, 'data'))
  const refused = open({ path: where })
  refused.on('error', () => {})
  await expect(refused.ready()).rejects.toMatchObject({
    code: 'QUEUE_LOCKED',
    message: expect.stringMatching(new RegExp(`in use by process ${holder.child.pid}:`)),
  })
  holder.child.kill('SIGKILL')
  await holder.ended()
  expect(await left(where)).toEqual([])
})
