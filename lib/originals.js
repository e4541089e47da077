// @ts-check
'use strict'

/** @type {WeakSet<Function>} Methods whose source was read and found to be the original. */
const originals = new WeakSet()

/**
 * Whether nobody has replaced a method, as its source tells: a tool that wraps one wants to see what passes.
 * @param {unknown} method
 * @param {RegExp} contains what the source of the original contains
 */
function isOriginal(method, contains) {
  if (typeof method !== 'function') return false
  if (originals.has(method)) return true
  const original = contains.test(Function.prototype.toString.call(method))
  if (original) originals.add(method)
  return original
}

module.exports = { isOriginal }
