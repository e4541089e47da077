'use strict'

// Loaded before the demo: the packages of the dashboard are not installed.

const Module = require('node:module')

const resolve = Module._resolveFilename
Module._resolveFilename = (name, ...others) => {
  if (!/^(?:@bull-board\/|express$)/.test(name)) return resolve(name, ...others)
  throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' })
}
