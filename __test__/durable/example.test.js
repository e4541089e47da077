'use strict'

const { execFile } = require('node:child_process')
const path = require('node:path')
const { promisify } = require('node:util')
const { directory } = require('../support/queues')

const EXAMPLE = path.join(__dirname, '..', '..', 'examples', 'durable.js')

test('the example does what it says, and ends', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [EXAMPLE, path.join(directory(), 'queues')])
  expect(stderr).toBe('')
  const lines = stdout.trim().split('\n')
  expect(lines[0]).toBe('3 invoices are stored, nobody is there')
  // A break may come before an answer is stored: then the invoice comes twice.
  expect([...new Set(lines.slice(1))]).toEqual(['invoice 1', 'invoice 2', 'invoice 3', 'invoice 4'])
})
