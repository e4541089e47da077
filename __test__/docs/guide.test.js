'use strict'

// The README and the pages of the guide: their code runs, and prints what it says.

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { promisify } = require('node:util')
const { directory } = require('../support/queues')

const ROOT = path.join(__dirname, '..', '..')
const GUIDE = path.join(ROOT, 'docs', 'guide')
const PAGES = ['README.md', ...fs.readdirSync(GUIDE).map((name) => `docs/guide/${name}`)]

/** What may stand behind the three ticks: `js` is run; `js sketch` stands for an app's own code and is not. Others are not JavaScript. */
const KINDS = ['js', 'js sketch', 'ts', 'sh', 'json', 'yaml', 'text', 'mermaid', '']

/** A page may show both `import` and `require`. */
const REQUIRE = `const require = (await import('node:module')).createRequire(import.meta.url)`

const read = (page) => fs.readFileSync(path.join(ROOT, page), 'utf8')

/** The blocks of a page: their kind, and what is in them. */
function blocks(page) {
  return [...read(page).matchAll(/^```(.*)\n([^]*?)^```$/gm)].map(([, kind, code]) => ({ kind, code }))
}

/** What `console.log(…) // this` is to print, in order. */
const promised = (code) => [...code.matchAll(/console\.log\(.*\).* \/\/ (.+)$/gm)].map(([, line]) => line)

/** A directory in which a page's program finds this package, and those of its packages that are installed here. */
function app(code) {
  const where = directory()
  const packages = path.join(where, 'node_modules')
  fs.mkdirSync(packages)
  fs.symlinkSync(ROOT, path.join(packages, 'socket.io-native-adapter'))
  for (const [, name] of code.matchAll(/(?:require\(|from )'((?:@[\w.-]+\/)?[\w.-]+)/g)) {
    const installed = path.join(ROOT, 'node_modules', name)
    const link = path.join(packages, name)
    if (!fs.existsSync(installed) || fs.existsSync(link)) continue
    fs.mkdirSync(path.dirname(link), { recursive: true })
    fs.symlinkSync(installed, link)
  }
  return where
}

const running = PAGES.flatMap((page) => {
  const all = blocks(page)
  const code = all.filter(({ kind }) => kind === 'js').map(({ code }) => code)
  const sketches = all.filter(({ kind }) => kind === 'js sketch').length
  return code.length > 0 ? [{ page, code: code.join('\n'), count: code.length, sketches }] : []
})

test.each(running)('$page: $count blocks run as one program ($sketches sketches do not)', async ({ page, code }) => {
  const expected = promised(code)
  const where = app(code)
  // Any free port. The README's server and worker stay open; a page of the guide tells how to end, and so has to end by itself.
  const body = code.replace('new Server(3000', 'new Server(0') + (page === 'README.md' ? 'process.exit()\n' : '')
  const program = path.join(where, /^import /m.test(code) ? 'page.mjs' : 'page.js')
  fs.writeFileSync(program, program.endsWith('.mjs') ? `${REQUIRE}\n${body}` : `(async () => {\n${body}\n})()`)
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], { cwd: where, timeout: 25_000 })
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n')).toEqual(expected)
  expect(expected.length).toBeGreaterThan(0)
})

test.each(PAGES)('%s: each block says what it is', (page) => {
  const text = read(page)
  for (const { kind } of blocks(page)) expect(KINDS).toContain(kind)
  // Each fence belongs to a block that was found: none is indented, open, or of more than three ticks.
  expect(text.match(/^[ \t]*(`{3,}|~{3,})/gm) ?? []).toHaveLength(2 * blocks(page).length)
})

test('the table of errors has each code that exists, and no other', () => {
  const listed = [...read('docs/guide/queues.md').matchAll(/^\| `(QUEUE_\w+)` \|/gm)].map(([, code]) => code)
  const typed = [...read('queues.d.ts').matchAll(/^ {2}\| "(QUEUE_\w+)"/gm)].map(([, code]) => code)
  const engine = [...read('crates/queue/src/error.rs').matchAll(/=> "(QUEUE_\w+)"/g)].map(([, code]) => code)
  expect(engine.length).toBeGreaterThan(15)
  const redis = fs.readdirSync(path.join(ROOT, 'crates', 'queue-redis', 'src')).filter((name) => name.endsWith('.rs'))
  engine.push(...redis.flatMap((name) => [...read(`crates/queue-redis/src/${name}`).matchAll(/"(QUEUE_REDIS_\w+)"/g)].map(([, code]) => code)))
  const lib = fs.readdirSync(path.join(ROOT, 'lib', 'queues'), { recursive: true }).filter((name) => String(name).endsWith('.js'))
  const used = lib.flatMap((name) => [...read(`lib/queues/${name}`).matchAll(/'(QUEUE_\w+)'/g)].map(([, code]) => code))
  expect(used).toContain('QUEUE_PAYLOAD_INVALID')
  expect(listed).toEqual([...new Set([...engine, ...used])].sort())
  expect(typed.sort()).toEqual(listed)
})

test.each(PAGES)('%s: each link leads somewhere', (page) => {
  const links = [...read(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, link]) => link)
  for (const link of links) expect(fs.existsSync(path.join(ROOT, path.dirname(page), link)) || link).toBe(true)
})
