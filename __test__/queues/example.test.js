'use strict'

const { execFile } = require('node:child_process')
const path = require('node:path')
const { promisify } = require('node:util')
const { directory } = require('../support/queues')

const EXAMPLE = path.join(__dirname, '..', '..', 'examples', 'queue.js')

test('the example does what it says, and ends', async () => {
  const where = path.join(directory(), 'queues')
  const { stdout } = await promisify(execFile)(process.execPath, [EXAMPLE, where])
  const lines = stdout.trim().split('\n')
  expect(lines[0]).toBe('0 messages from the last time')
  expect(lines).toEqual(
    expect.arrayContaining([
      'to ada@example.com: welcome (t-1)',
      'to ada@example.com: your invoice (no trace)',
      'to bob@example.com: a reminder (no trace)',
      'attempt 1: Error: no address: nobody, again in 20 ms',
      'attempt 2: Error: no address: nobody, again in 40 ms',
      'given up: Error: no address: nobody, kept in mail.dead',
      'answer { accepted: true }',
    ]),
  )
  expect(lines.indexOf('to ada@example.com: welcome (t-1)')).toBeLessThan(lines.indexOf('to ada@example.com: your invoice (no trace)'))
  expect(lines.at(-1)).toBe('4 processed, 2 tried again, 1 dead')
  // The dead letter is still there, and the welcome is not sent twice.
  const again = await promisify(execFile)(process.execPath, [EXAMPLE, where])
  expect(again.stdout).toMatch(/^1 messages from the last time\n/)
  expect(again.stdout).not.toMatch('welcome')
})
