'use strict'

// The pages of the guide: their code runs, and prints what it says.

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { promisify } = require('node:util')
const { directory } = require('../support/queues')

const ROOT = path.join(__dirname, '..', '..')
const GUIDE = path.join(ROOT, 'docs', 'guide')

/** The blocks of a page. One marked as `js sketch` stands for an app's own code and is not run. */
function blocks(page) {
  const text = fs.readFileSync(path.join(GUIDE, page), 'utf8')
  return [...text.matchAll(/^```js( sketch)?\n(.*?)^```$/gms)].map(([, sketch, code]) => ({ sketch: sketch !== undefined, code }))
}

/** What `console.log(…) // this` is to print, in order. */
const promised = (code) => [...code.matchAll(/console\.log\(.*\).* \/\/ (.+)$/gm)].map(([, line]) => line)

const pages = fs.readdirSync(GUIDE).map((page) => ({ page, all: blocks(page) }))
const running = pages.flatMap(({ page, all }) => {
  const code = all.filter(({ sketch }) => !sketch).map(({ code }) => code)
  return code.length > 0 ? [{ page, code: code.join('\n'), count: code.length, sketches: all.length - code.length }] : []
})

test.each(running)('$page: $count blocks run as one program ($sketches sketches do not)', async ({ code }) => {
  const expected = promised(code)
  const where = directory()
  fs.mkdirSync(path.join(where, 'node_modules'))
  fs.symlinkSync(ROOT, path.join(where, 'node_modules', 'socket.io-native-adapter'))
  for (const name of ['socket.io', 'socket.io-client']) {
    fs.symlinkSync(path.join(ROOT, 'node_modules', name), path.join(where, 'node_modules', name))
  }
  const program = path.join(where, 'page.js')
  fs.writeFileSync(program, `(async () => {\n${code}\n})()`)
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], { cwd: where, timeout: 25_000 })
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n')).toEqual(expected)
  expect(expected.length).toBeGreaterThan(0)
})

test('the table of errors has each code, and no other', () => {
  const page = fs.readFileSync(path.join(GUIDE, 'queues.md'), 'utf8')
  const listed = [...page.matchAll(/^\| `(QUEUE_\w+)` \|/gm)].map(([, code]) => code)
  const types = fs.readFileSync(path.join(ROOT, 'queues.d.ts'), 'utf8')
  const known = [...types.matchAll(/^ {2}\| "(QUEUE_\w+)"/gm)].map(([, code]) => code)
  expect(known.length).toBeGreaterThan(20)
  expect(listed).toEqual(known)
})

test.each(pages)('$page: each link leads somewhere', ({ page }) => {
  const text = fs.readFileSync(path.join(GUIDE, page), 'utf8')
  const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, link]) => link)
  for (const link of links) expect(fs.existsSync(path.join(GUIDE, link)) || link).toBe(true)
})
