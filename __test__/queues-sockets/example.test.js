'use strict'

const { execFile } = require('node:child_process')
const path = require('node:path')
const { promisify } = require('node:util')

test('the example does what it says, and ends', async () => {
  const example = path.join(__dirname, '..', '..', 'examples', 'dispatch.js')
  const { stdout } = await promisify(execFile)(process.execPath, [example], { timeout: 20_000 })
  const lines = stdout.trim().split('\n')
  for (const scene of ['river', 'forest', 'city', 'desert', 'island', 'harbour']) {
    expect(lines.filter((line) => line.startsWith(`${scene} by `))).toHaveLength(1)
  }
  expect(lines.filter((line) => line.endsWith('by Eve'))).toEqual([])
  expect(lines.at(-1)).toMatch(/^6 done, ([01]) lost by a disconnect, \1 handed over$/)
})
