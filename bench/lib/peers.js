// @ts-check
'use strict'

/**
 * What we are compared with on demand: installed into bench/.peers by `npm run bench -- --install-peers`, never a
 * dependency of the project. Install scripts do not run.
 */

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const FOLDER = path.join(__dirname, '..', '.peers')
const PACKAGES = path.join(FOLDER, 'node_modules')

/**
 * uWebSockets.js itself is on GitHub only. This is its version 20.30 (2023) with prebuilt binaries, published for Ganache.
 */
const UWS = { name: '@trufflesuite/uws-js-unofficial', version: '20.30.0-unofficial.0' }
const BUN_ENGINE = { name: '@socket.io/bun-engine', version: '0.1.2' }
/** What npm's package `bun` would choose in its install script. */
const BUN = {
  name: `@oven/bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}`,
  version: '1.4.4',
}

/**
 * The file that makes a peer what it is: of uWebSockets.js the binary itself, because its package falls back to JavaScript.
 */
const FILES = {
  uws: path.join(PACKAGES, UWS.name, 'binaries', `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`),
  bun: path.join(PACKAGES, BUN.name, 'bin', process.platform === 'win32' ? 'bun.exe' : 'bun'),
}

/** What is needed, and what shows that it works here. @type {Record<keyof typeof FILES, { packages: typeof UWS[], probe: string[] }>} */
const PEERS = {
  uws: { packages: [UWS], probe: [process.execPath, '-e', 'require(process.argv[1]).App()', FILES.uws] },
  bun: { packages: [BUN, BUN_ENGINE], probe: [FILES.bun, '--version'] },
}

/** Installs what can be had; what cannot is told by `unavailable` later. */
function installPeers() {
  fs.mkdirSync(FOLDER, { recursive: true })
  // Its own root: npm would install into the project otherwise.
  fs.writeFileSync(path.join(FOLDER, 'package.json'), '{ "private": true }\n')
  for (const { packages } of Object.values(PEERS)) {
    const names = packages.map(({ name, version }) => `${name}@${version}`)
    console.log(`> npm install ${names.join(' ')}`)
    const flags = ['--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--no-package-lock']
    try {
      execFileSync('npm', ['install', ...flags, ...names], { cwd: FOLDER, stdio: ['ignore', 'inherit', 'inherit'] })
    } catch {
      // npm has said why.
    }
  }
}

/**
 * @param {keyof typeof FILES} peer
 * @returns {string | undefined} why it cannot be measured here
 */
function unavailable(peer) {
  const { packages, probe } = PEERS[peer]
  const missing = packages.find(({ name }) => !fs.existsSync(path.join(PACKAGES, name)))
  if (missing) return `${missing.name} is not installed: npm run bench -- --install-peers`
  if (!fs.existsSync(FILES[peer])) return `${packages[0].name} has no ${path.basename(FILES[peer])}`
  try {
    const [command, ...args] = probe
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 20_000 })
    return undefined
  } catch (error) {
    const lines = String(error instanceof Error ? error.message : error).split('\n')
    return lines.find((line) => line.startsWith('Error: ')) ?? lines[0]
  }
}

/** @returns {Record<string, string>} the versions of those that are installed */
function peerVersions() {
  const packages = Object.values(PEERS).flatMap((peer) => peer.packages)
  const installed = packages.filter(({ name }) => fs.existsSync(path.join(PACKAGES, name)))
  return Object.fromEntries(installed.map(({ name, version }) => [name, version]))
}

module.exports = { FILES, PACKAGES, installPeers, peerVersions, unavailable }
