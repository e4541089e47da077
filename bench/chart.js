// @ts-check
'use strict'

/**
 * Draws docs/benchmark.svg and writes the table of the README, between its two marks, from a result:
 *
 *   node bench/chart.js [NAME]      of bench/results/NAME.json (readme)
 */

const fs = require('node:fs')
const path = require('node:path')
const { comparison, shownOf } = require('./lib/figures')
const { chart } = require('./lib/svg')

const ROOT = path.join(__dirname, '..')
const README = path.join(ROOT, 'README.md')
const CHART = path.join(ROOT, 'docs', 'benchmark.svg')
const [BEGIN, END] = ['<!-- bench: written by `node bench/chart.js` -->', '<!-- /bench -->']

/**
 * @param {import('./lib/figures').Result} result
 * @param {import('./lib/figures').Shown[]} shown
 */
function tableOf({ command, commit, date, machine }, shown) {
  const lines = shown.map(({ text, stock, native, factor }) => `| ${text} | ${stock} | ${native} | ${comparison(factor)} |`)
  return [
    `\`${command}\`, commit ${commit}, ${date.slice(0, 10)}: ${machine.cpu}, ${machine.cores} cores, Node.js ${machine.node}.`,
    '',
    "| | Socket.IO's adapter | this one | |",
    '|---|---|---|---|',
    ...lines,
  ].join('\n')
}

/**
 * @param {string} readme
 * @param {string} table
 */
function withTable(readme, table) {
  const [before, rest] = readme.split(BEGIN)
  const after = rest?.split(END)[1]
  if (after === undefined) throw new Error(`README.md lacks ${BEGIN} or ${END}`)
  return `${before}${BEGIN}\n${table}\n${END}${after}`
}

const name = process.argv[2] ?? 'readme'
const result = JSON.parse(fs.readFileSync(path.join(__dirname, 'results', `${name}.json`), 'utf8'))
const shown = shownOf(result)
const { machine } = result
const note = `Logarithmic. One run on ${machine.cores} cores (${machine.cpu}), clients on the same machine, ${result.date.slice(0, 10)}.`
fs.writeFileSync(CHART, chart(shown.filter(({ charted }) => charted), note))
fs.writeFileSync(README, withTable(fs.readFileSync(README, 'utf8'), tableOf(result, shown)))
console.log(`${path.relative(process.cwd(), CHART)} and the table of README.md: ${shown.length} figures of ${name}.json`)
