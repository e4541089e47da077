// @ts-check
'use strict'

/** Writes the table of queues into the README, between its two marks, from a result: node bench/queue/readme.js [NAME] (queue). */

const fs = require('node:fs')
const path = require('node:path')
const { markdown } = require('./report')

const README = path.join(__dirname, '..', '..', 'README.md')
const [BEGIN, END] = ['<!-- bench:queue: written by `node bench/queue/readme.js` -->', '<!-- /bench:queue -->']

const name = process.argv[2] ?? 'queue'
const result = JSON.parse(fs.readFileSync(path.join(__dirname, '..', 'results', `${name}.json`), 'utf8'))
const { command, commit, date, machine, versions, medians } = result
const source = `\`${command}\`, commit ${commit}, ${date.slice(0, 10)}: ${machine.cpu}, ${machine.cores} cores, Node.js ${machine.node}`
const peers = versions.bullmq ? `, BullMQ ${versions.bullmq} on Redis ${versions.redis} with \`appendfsync always\`` : ''
const [before, rest] = fs.readFileSync(README, 'utf8').split(BEGIN)
const after = rest?.split(END)[1]
if (after === undefined) throw new Error(`README.md lacks ${BEGIN} or ${END}`)
fs.writeFileSync(README, `${before}${BEGIN}\n${source}${peers}.\n\n${markdown(medians)}\n${END}${after}`)
