'use strict'

// What a disk can do to the queues: a small file system of its own, which only root can mount.

const { execFileSync, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { directory, open, payloads } = require('../support/queues')

/** Asks again and again until it is so. A refusal because of the full disk is not yet. */
async function eventually(what, ask) {
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 20))) {
    try {
      if (await ask()) return
    } catch (error) {
      if (error.code !== 'QUEUE_DISK_FULL') throw error
    }
  }
  throw new Error(`expected that ${what}`)
}

const mounted = []

/** A directory with so much room; `undefined` when none can be mounted. */
function mount(megabytes, ...flags) {
  const where = fs.mkdtempSync(path.join(os.tmpdir(), 'queues-mount-'))
  const options = ['size=' + megabytes + 'm', ...flags].join(',')
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', where])
  if (status === 0) mounted.push(where)
  else fs.rmdirSync(where)
  return status === 0 ? where : undefined
}

function unmountAll() {
  for (const where of mounted.splice(0)) {
    execFileSync('umount', [where])
    fs.rmdirSync(where)
  }
}

// After the queues have been closed.
afterEach(unmountAll)

const canMount = mount(1) !== undefined
unmountAll()
if (!canMount) process.stderr.write('The tests of a full disk are skipped. To run them: sudo npm test (Linux)\n')
const onMount = canMount ? test : test.skip

onMount('a full disk refuses sends, lets consumers go on, and takes sends again when there is space', async () => {
  const where = mount(20)
  // Somebody else's.
  const other = path.join(where, 'other')
  fs.writeFileSync(other, Buffer.alloc(8 * 1024 * 1024))
  const options = { path: path.join(where, 'queues'), segmentBytes: 1024 * 1024 }
  const queues = open(options)
  const queue = queues.queue('q')
  const payload = (number) => ({ number, text: 'x'.repeat(10_000) })
  const sent = []
  let refused
  while (!refused) {
    await queue.send(payload(sent.length)).then(
      () => sent.push(sent.length),
      (error) => (refused = error),
    )
  }
  expect(refused.code).toBe('QUEUE_DISK_FULL')
  expect(refused.message).toContain('disk is full')
  expect(sent.length).toBeGreaterThan(200)
  // Part of a batch is never half of a message.
  const batch = await queue.sendBatch([{ payload: payload('no') }])
  expect(batch[0].error.code).toBe('QUEUE_DISK_FULL')

  const first = (await payloads(queue, 50)).map(({ number }) => number)
  expect(first).toEqual(sent.slice(0, 50))
  fs.rmSync(other)
  await eventually('a send is taken', async () => {
    await queue.send(payload('later'))
    return true
  })
  await queues.close()

  const again = open(options)
  const found = await again.ready()
  expect(found).toMatchObject({ tornBytes: 0, quarantined: 0 })
  const rest = (await payloads(again.queue('q'), sent.length - 50 + 1)).map(({ number }) => number)
  expect(rest).toEqual([...sent.slice(50), 'later'])
})

onMount('a disk that stays full becomes usable by what consumers take away', async () => {
  const where = mount(12)
  const queues = open({ path: path.join(where, 'queues'), segmentBytes: 1024 * 1024 })
  const queue = queues.queue('q')
  const text = 'x'.repeat(10_000)
  const fill = async () => {
    for (let count = 0; ; count++) {
      try {
        await queue.send(text)
      } catch (error) {
        expect(error.code).toBe('QUEUE_DISK_FULL')
        return count
      }
    }
  }
  const room = await fill()
  await payloads(queue, room)
  await queues.flush()
  let taken = 0
  await eventually('its space comes back', async () => (taken += await fill()) > room / 2)
  expect((await queue.stats()).ready).toBe(taken)
})

onMount('a read-only disk is refused, with what the system said', async () => {
  const where = mount(1, 'ro')
  await expect(open({ path: path.join(where, 'queues') }).ready()).rejects.toMatchObject({
    code: 'QUEUE_STORE_FAILED',
    message: expect.stringContaining('Read-only file system'),
  })
})

test('a directory that cannot be made is refused, with its name', async () => {
  const where = path.join(directory(), 'file')
  fs.writeFileSync(where, '')
  await expect(open({ path: path.join(where, 'queues') }).ready()).rejects.toMatchObject({
    code: 'QUEUE_STORE_FAILED',
    message: expect.stringContaining(where),
  })
})
