// @ts-check
'use strict'

/** Packages that an app may have. They are the app's own, so that its registries and providers are ours. */

/**
 * @param {string} name
 * @returns {any} the module, or `undefined` when the app does not have it
 */
function optional(name) {
  const paths = [require.main?.path, process.cwd(), __dirname].filter((folder) => folder !== undefined)
  let file
  try {
    file = require.resolve(name, { paths })
  } catch {
    return undefined
  }
  return require(file)
}

module.exports = { optional }
