'use strict'

const { once } = require('node:events')
const path = require('node:path')
const { Worker } = require('node:worker_threads')
const { RawClient } = require('../support/raw-client')
const { descriptors, writerThreads } = require('../support/process-state')
const { until, within } = require('../support/events')

const MIB = 1024 * 1024

const SCRIPT = path.join(__dirname, 'fixtures', 'worker.js')

/** A server in a worker, with clients. */
class WorkerServer {
  clients = []

  constructor(adapter) {
    this.worker = new Worker(SCRIPT, { workerData: { adapter } })
    this.ended = new Promise((resolve) => this.worker.once('exit', resolve))
    this.worker.on('error', (error) => (this.error = error))
  }

  async listen() {
    const [{ port }] = await within('the worker to listen', once(this.worker, 'message'))
    this.port = port
  }

  async raw() {
    const client = await RawClient.open(this.port)
    this.clients.push(client)
    return client
  }

  /** Returns what it says when it has done that. */
  async tell(action, options) {
    const answer = once(this.worker, 'message')
    this.worker.postMessage({ action, ...options })
    return (await within(action, answer))[0]
  }

  async close() {
    for (const client of this.clients) client.destroy()
    await this.worker.terminate()
    for (const { failure } of this.clients) if (failure) throw failure
  }
}

describe('worker threads', () => {
  const open = []

  async function start(adapter) {
    const server = new WorkerServer(adapter)
    open.push(server)
    await server.listen()
    return server
  }

  const closeAll = () => Promise.all(open.splice(0).map((server) => server.close()))

  afterEach(closeAll)

  async function expectAll(clients, size) {
    await Promise.all(clients.map((client) => client.end()))
    for (const client of clients) {
      expect(client.all('n').map(([n]) => n)).toEqual(Array.from({ length: 100 }, (_, n) => n))
      expect(client.all('last').map(([text]) => text.length)).toEqual([size])
      expect(client.rest).toBe(0)
    }
  }

  test('worker.terminate(): what was emitted before arrives', async () => {
    const server = await start()
    const clients = [await server.raw(), await server.raw()]
    const { stats } = await server.tell('emit', { size: 5 * MIB })
    expect(stats).toMatchObject({ lanes: 2, writers: 2 })
    await within('the worker to end', server.worker.terminate())
    await expectAll(clients, 5 * MIB)
  })

  test.each([
    ['emit, then process.exit()', 0],
    ['emit, then io.close()', 0],
    ['emit, then throw', 1],
  ])('%s in a worker: it arrives', async (action, code) => {
    const server = await start()
    const clients = [await server.raw(), await server.raw()]
    server.worker.postMessage({ action, size: 5 * MIB })
    await expectAll(clients, 5 * MIB)
    expect(await within('the worker to end', server.ended)).toBe(code)
    expect(server.error?.message).toBe(code ? 'of the worker' : undefined)
  })

  test('a client that never reads does not keep a worker that is terminated', async () => {
    const server = await start({ flushTimeout: 200 })
    const [stuck, reads] = [await server.raw(), await server.raw()]
    stuck.pause()
    await server.tell('emit', { size: 12 * MIB })
    await within('the worker to end', server.worker.terminate())
    await expectAll([reads], 12 * MIB)
    stuck.resume()
    await stuck.end()
    expect(stuck.all('last')).toEqual([])
  })

  test('four at once, again and again, leave no thread and no descriptor', async () => {
    const round = async (how) => {
      const servers = await Promise.all([0, 1, 2, 3].map(() => start()))
      for (const server of servers) await Promise.all([server.raw(), server.raw()])
      await until('they have two writers each', () => writerThreads() === 8)
      const actions = servers.map((server) => server.tell('emit', { size: 1000 }))
      expect((await Promise.all(actions)).map(({ exitListeners }) => exitListeners)).toEqual([1, 1, 1, 1])
      if (how === 'exit') for (const { worker } of servers) worker.postMessage({ action: 'emit, then process.exit()', size: 10 })
      if (how === 'exit') await Promise.all(servers.map(({ ended }) => within('the worker to end', ended)))
      await closeAll()
      await until('no writer runs', () => writerThreads() === 0)
    }
    await round('exit')
    const before = descriptors()
    for (const how of ['terminate', 'exit', 'terminate']) {
      await round(how)
      await until('the descriptors are closed', () => descriptors() <= before)
    }
  })
})
