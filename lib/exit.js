// @ts-check
'use strict'

/**
 * What was emitted before `process.exit()` is written before the end: one listener for all engines of this thread.
 */

/** @type {Set<{ flushAtExit(): void }>} */
const engines = new Set()

function onExit() {
  for (const engine of engines) engine.flushAtExit()
}

/** @param {{ flushAtExit(): void }} engine */
function flushAtExit(engine) {
  if (engines.size === 0) process.on('exit', onExit)
  engines.add(engine)
}

/** @param {{ flushAtExit(): void }} engine */
function forgetAtExit(engine) {
  if (engines.delete(engine) && engines.size === 0) process.off('exit', onExit)
}

module.exports = { flushAtExit, forgetAtExit }
