// @ts-check
'use strict'

/**
 * The last look before `npm publish`, in the release workflow: every target of package.json is an optional dependency
 * of exactly this version, the loader is there, and no platform's binary is in the main package.
 */

const fs = require('node:fs')
const path = require('node:path')
const { ROOT } = require('./run')

/** @type {{ name: string, version: string, napi: { targets: string[] }, optionalDependencies?: Record<string, string> }} */
const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
const optional = Object.entries(manifest.optionalDependencies ?? {})
const native = fs.readdirSync(path.join(ROOT, 'native'))

const complaints = []
if (optional.length !== manifest.napi.targets.length) {
  complaints.push(`${optional.length} optional dependencies for ${manifest.napi.targets.length} targets`)
}
for (const [name, version] of optional) {
  if (!name.startsWith(`${manifest.name}-`)) complaints.push(`${name} is not a package of ours`)
  if (version !== manifest.version) complaints.push(`${name} is ${version}, not ${manifest.version}`)
}
for (const file of ['index.js', 'index.d.ts']) if (!native.includes(file)) complaints.push(`native/${file} is missing`)
if (native.some((file) => file.endsWith('.node'))) complaints.push('native/ holds a binary')

for (const complaint of complaints) console.error(complaint)
process.exitCode = complaints.length > 0 ? 1 : 0
