// @ts-check
'use strict'

/**
 * What was emitted before `process.exit()` is written before the end: one listener for all engines of this thread.
 */

/** How long the end of the process waits for what was handed to a cluster to be published, in ms. */
const FAREWELL = 1200

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

module.exports = { FAREWELL, flushAtExit, forgetAtExit }
