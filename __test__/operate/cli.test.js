'use strict'

const { execFile, spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { createQueues } = require('../..')
const { Progress } = require('../../lib/cli/progress')
const { version } = require('../../package.json')
const { directory, event } = require('../support/queues')

const BIN = path.join(__dirname, '..', '..', 'bin', 'socket.io-native-adapter.js')

/** @returns {Promise<{ status: number, stdout: string, stderr: string }>} */
function command(...args) {
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, ...args], { timeout: 25_000 }, (error, stdout, stderr) => {
      resolve({ status: error ? error.code : 0, stdout, stderr })
    })
  })
}

async function json(...args) {
  const { status, stdout, stderr } = await command(...args, '--json')
  return { status, stderr, answer: JSON.parse(stdout) }
}

/** What each file of a store holds. */
function filesOf(store) {
  const names = fs.readdirSync(store).filter((name) => fs.statSync(path.join(store, name)).isFile())
  return Object.fromEntries(names.map((name) => [name, fs.readFileSync(path.join(store, name), 'base64')]))
}

/** A store with some of everything, closed. */
async function filled() {
  const store = directory()
  const queues = createQueues({ path: store })
  const mail = queues.queue('mail', { deadLetter: 'mail.dead', maxAttempts: 1 })
  const died = event(mail, 'dead')
  const worker = mail.consume(() => {
    throw new Error('no such address')
  })
  await mail.send({ to: 'nobody' })
  await died
  await worker.close()
  await mail.send({ to: 'Ada' }, { headers: { trace: 'abc' }, key: 'user:1' })
  await mail.send({ to: 'Bob' }, { key: 'user:1' })
  await mail.send('later', { delay: 3_600_000 })
  const files = queues.queue('files')
  await files.send(Buffer.from([0, 1, 255]))
  await files.send('\x1b[2Jclears the screen')
  await files.pause()
  await queues.close()
  return store
}

describe('the command `queues`', () => {
  test('lists queues, and tells more of each', async () => {
    const store = await filled()
    const { status, stdout } = await command('queues', store)
    expect(status).toBe(0)
    const [titles, ...lines] = stdout.trim().split('\n').map((line) => line.split(/ {2,}/))
    expect(titles).toEqual(['queue', 'ready', 'blocked', 'delayed', 'active', 'oldest', 'bytes'])
    expect(lines.map((line) => line.slice(0, 5))).toEqual([
      ['files (paused)', '2', '0', '0', '0'],
      ['mail', '1', '1', '1', '0'],
      ['mail.dead', '1', '0', '0', '0'],
    ])
    const { answer } = await json('queues', store, 'list')
    expect(answer[1]).toMatchObject({ name: 'mail', ready: 1, blocked: 1, delayed: 1, active: 0, paused: false })
    const stats = await json('queues', store, 'stats', 'mail')
    expect(stats.answer.store).toMatchObject({ messages: 6, queues: 3, quarantined: 0 })
    expect(stats.answer.queues).toEqual([expect.objectContaining({ name: 'mail', options: expect.objectContaining({ maxAttempts: 1 }) })])
    expect((await command('queues', store, 'stats')).stdout).toContain("deadLetter: 'mail.dead'")
  })

  test('shows messages, and lets no payload reach the terminal', async () => {
    const store = await filled()
    const { stdout } = await command('queues', store, 'peek', 'files')
    expect(stdout).toContain('00 01 ff')
    expect(stdout).toContain('clears the screen')
    expect(stdout).not.toMatch(/[^\x20-\x7e\n]/)
    const peeked = await json('queues', store, 'peek', 'mail')
    expect(peeked.answer).toEqual([expect.objectContaining({ payload: { to: 'Ada' }, headers: { trace: 'abc' }, key: 'user:1' })])
    expect((await json('queues', store, 'peek', 'mail', '--state', 'delayed')).answer[0].payload).toBe('later')
    expect((await json('queues', store, 'peek', 'files', '--limit', '1')).answer[0].payload).toEqual({ base64: 'AAH/' })
    expect((await command('queues', store, 'peek', 'mail.dead')).stdout).toContain('failed   1: Error: no such address')
  })

  test('what looks changes nothing', async () => {
    const store = await filled()
    const before = filesOf(store)
    for (const args of [['list'], ['stats'], ['peek', 'mail'], ['verify']]) expect((await command('queues', store, ...args)).status).toBe(0)
    expect(filesOf(store)).toEqual(before)
  })

  test('moves dead letters back, and purges', async () => {
    const store = await filled()
    expect(await json('queues', store, 'redrive', 'mail.dead')).toMatchObject({ status: 0, answer: { redriven: 1 } })
    expect((await json('queues', store)).answer[1]).toMatchObject({ ready: 2 })
    const refused = await command('queues', store, 'purge', 'mail')
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('--yes')])
    expect(await json('queues', store, 'purge', 'mail', '--yes')).toMatchObject({ status: 0, answer: { purged: 4 } })
    expect((await json('queues', store)).answer.map(({ ready, delayed }) => ready + delayed)).toEqual([2, 0, 0])
  })

  test('verifies: finds a byte that has changed, and says where', async () => {
    const store = await filled()
    expect((await command('queues', store, 'verify')).stdout).toContain('nothing is damaged')
    const log = path.join(store, fs.readdirSync(store).find((name) => name.endsWith('.log')))
    const bytes = fs.readFileSync(log)
    bytes[bytes.indexOf('nobody')] ^= 1
    fs.writeFileSync(log, bytes)
    const { status, answer } = await json('queues', store, 'verify')
    expect([status, answer.damaged]).toEqual([1, 1])
    expect(answer.files.find(({ name }) => name === path.basename(log)).damaged).toHaveLength(1)
    const { stdout } = await command('queues', store, 'verify')
    expect(stdout).toMatch(/\.log: \d+ bytes at \d+ are damaged/)
  })

  test('beside a server: looks, and is refused to change with its pid', async () => {
    const store = directory()
    const script = `
      const { createQueues } = require(${JSON.stringify(path.join(__dirname, '..', '..'))})
      const queues = createQueues({ path: process.argv[1], segmentBytes: 65536 })
      const mail = queues.queue('mail'), busy = queues.queue('busy')
      busy.consume(() => {}, { concurrency: 100 })
      mail.send({ to: 'Ada' }).then(function go() {
        if (!process.connected) return
        process.send('ready')
        const work = () => busy.sendBatch(Array.from({ length: 50 }, (_, n) => ({ payload: 'x'.repeat(500) + n }))).then(work)
        work()
      })
      process.on('disconnect', () => process.exit())`
    const server = spawn(process.execPath, ['-e', script, store], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    try {
      await once(server, 'message')
      for (let round = 0; round < 3; round++) {
        const { answer } = await json('queues', store, 'list')
        expect(answer.find(({ name }) => name === 'mail')).toMatchObject({ ready: 1 })
        expect((await json('queues', store, 'peek', 'mail')).answer[0].payload).toEqual({ to: 'Ada' })
        expect(await json('queues', store, 'verify')).toMatchObject({ status: 0, answer: { damaged: 0 } })
      }
      for (const args of [['purge', 'mail', '--yes'], ['redrive', 'mail']]) {
        const { status, answer, stderr } = await json('queues', store, ...args)
        expect([status, answer.error.code]).toEqual([3, 'QUEUE_LOCKED'])
        expect(stderr).toContain(String(server.pid))
        expect(stderr).toContain('end that process')
      }
    } finally {
      const ended = once(server, 'exit')
      server.disconnect()
      await ended
    }
  })

  test('says what is wrong, each kind with its status', async () => {
    const store = await filled()
    const wrong = [
      ['queue'],
      ['queues'],
      ['queues', store, 'clear'],
      ['queues', store, 'peek'],
      ['queues', store, 'list', 'mail'],
      ['queues', store, 'peek', 'mail', '--limit', '0'],
      ['queues', store, 'peek', 'mail', '--state', 'dead'],
      ['queues', store, '--force'],
    ]
    for (const args of wrong) {
      const { status, stderr } = await command(...args)
      expect([args, status]).toEqual([args, 2])
      expect(stderr).toContain('--help')
    }
    const nowhere = path.join(store, 'nowhere')
    expect(await json('queues', nowhere)).toMatchObject({ status: 1, answer: { error: { code: 'QUEUE_NOT_FOUND' } } })
    expect(fs.existsSync(nowhere)).toBe(false)
    const unknown = await command('queues', store, 'peek', 'nail')
    expect([unknown.status, unknown.stderr]).toEqual([1, expect.stringContaining('mail.dead')])
    expect((await json('queues', store)).answer).toHaveLength(3)
  })

  test('helps', async () => {
    for (const args of [[], ['--help'], ['queues', '-h']]) {
      const { status, stdout } = await command(...args)
      expect([status, stdout]).toEqual([0, expect.stringContaining('redrive <queue>')])
    }
    expect((await command('--version')).stdout).toBe(`${version}\n`)
  })
})

test('a progress bar is for terminals only', () => {
  const written = { terminal: '', file: '' }
  const streams = [
    { isTTY: true, write: (text) => (written.terminal += text) },
    { isTTY: false, write: (text) => (written.file += text) },
  ]
  for (const stream of streams) {
    const progress = new Progress(stream, 'verify')
    progress.show(1, 2)
    progress.show(2, 2)
    progress.end()
  }
  expect(written.terminal).toContain('verify [###############---------------] 50%')
  expect(written.terminal.endsWith('\r\x1b[K')).toBe(true)
  expect(written.file).toBe('')
})
