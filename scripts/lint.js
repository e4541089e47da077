// @ts-check
'use strict'

/**
 * What the type checker does not see: our JavaScript is strict and type-checked, files stay short, no test is left alone.
 */

const fs = require('node:fs')
const path = require('node:path')
const { ROOT } = require('./run')

const FOLDERS = ['lib', 'scripts', 'examples', 'bench', '__test__']
const OTHERS = new Set(['node_modules', 'target', 'results', 'public'])
const MOST_LINES = 300

/**
 * @param {string} folder
 * @returns {string[]} the scripts below it, relative to the root
 */
function scriptsBelow(folder) {
  const entries = fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true })
  return entries.flatMap((entry) => {
    const file = path.posix.join(folder, entry.name)
    if (entry.isDirectory()) return OTHERS.has(entry.name) ? [] : scriptsBelow(file)
    return /\.[cm]?js$/.test(entry.name) ? [file] : []
  })
}

/**
 * @param {string} file
 * @returns {string[]} what is wrong with it
 */
function complaintsAbout(file) {
  const text = fs.readFileSync(path.join(ROOT, file), 'utf8')
  const complaints = []
  const lines = text.split('\n').length - 1
  if (lines > MOST_LINES) complaints.push(`${lines} lines; at most ${MOST_LINES}`)
  if (!file.endsWith('.mjs') && !/^'use strict';?$/m.test(text)) complaints.push("no 'use strict'")
  const published = file.startsWith('lib/') || file.startsWith('scripts/')
  if (published && !text.startsWith('// @ts-check\n')) complaints.push('does not begin with // @ts-check')
  if (/\b(test|it|describe)\.only\(/.test(text) && file.startsWith('__test__/')) complaints.push('.only left in')
  return complaints.map((complaint) => `${file}: ${complaint}`)
}

const present = FOLDERS.filter((folder) => fs.existsSync(path.join(ROOT, folder)))
const complaints = present.flatMap(scriptsBelow).flatMap(complaintsAbout)
for (const complaint of complaints) console.error(complaint)
process.exitCode = complaints.length > 0 ? 1 : 0
