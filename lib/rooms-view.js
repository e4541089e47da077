// @ts-check
'use strict'

/**
 * `adapter.rooms` and `adapter.sids` as apps know them, live and read-only: the members are in the engine, and a set is read
 * from there when it is looked at. The keys are kept here, so that their order is exactly that of the stock adapter.
 */

const { inspect } = require('node:util')
const { NativeAdapterError } = require('./errors')

/** @typedef {import('socket.io-adapter').Room} Room */
/** @typedef {import('socket.io-adapter').SocketId} SocketId */

/** @returns {never} */
function readOnly() {
  throw new NativeAdapterError(
    'ERR_READ_ONLY',
    'the adapter\'s rooms and sids are views: use socket.join(), socket.leave(), io.socketsJoin() or io.socketsLeave()',
  )
}

/**
 * A live set whose elements are in the engine.
 * @template T
 * @extends {Set<T>}
 */
class SetView extends Set {
  /** @type {{ size(): number, has(value: T): boolean, list(): T[] }} */
  #source
  #settle

  /**
   * @param {() => void} settle tells the engine of the latest changes; may freeze this set
   * @param {{ size(): number, has(value: T): boolean, list(): T[] }} source
   */
  constructor(settle, source) {
    super()
    this.#settle = settle
    this.#source = source
  }

  get #current() {
    this.#settle()
    return this.#source
  }

  /** From now on the elements are these: what was looked at is gone from the engine. @param {T[]} elements */
  freeze(elements) {
    const set = new Set(elements)
    this.#source = { size: () => set.size, has: (value) => set.has(value), list: () => [...set] }
  }

  get size() {
    return this.#current.size()
  }

  /** @param {T} value */
  has(value) {
    return this.#current.has(value)
  }

  /** Elements that go while they are iterated are not visited any more. @returns {Generator<T, undefined>} */
  *values() {
    for (const value of this.#current.list()) {
      if (this.#current.has(value)) yield value
    }
    return undefined
  }

  keys() {
    return this.values()
  }

  /** @returns {Generator<[T, T], undefined>} */
  *entries() {
    for (const value of this.values()) yield [value, value]
    return undefined
  }

  [Symbol.iterator]() {
    return this.values()
  }

  /**
   * @param {(value: T, value2: T, set: Set<T>) => void} callback
   * @param {unknown} [thisArg]
   */
  forEach(callback, thisArg) {
    for (const value of this.values()) callback.call(thisArg, value, value, this)
  }

  /** @returns {this} */
  add() {
    return readOnly()
  }

  /** @returns {boolean} */
  delete() {
    return readOnly()
  }

  clear() {
    readOnly()
  }

  [inspect.custom](/** @type {number} */ _depth, /** @type {import('node:util').InspectOptions} */ options) {
    return inspect(new Set(this), options)
  }
}

// Node.js 22 and newer: these read a set's internals, which are empty here.
for (const name of [
  'union',
  'intersection',
  'difference',
  'symmetricDifference',
  'isSubsetOf',
  'isSupersetOf',
  'isDisjointFrom',
]) {
  const method = /** @type {any} */ (Set.prototype)[name]
  if (!method) continue
  /** @this {Set<unknown>} @param {unknown} other */
  const onCopy = function (other) {
    return method.call(new Set(this), other)
  }
  Object.defineProperty(SetView.prototype, name, { value: onCopy, writable: true, configurable: true })
}

// Jest's toEqual() compares constructors: a view equals a plain set.
Object.defineProperty(SetView.prototype, 'constructor', { value: Set, writable: true, configurable: true })

/**
 * A live map from a key to a set. What the base class holds for a key is the engine's number for it; sets are made when
 * they are looked at.
 * @template K, T
 * @extends {Map<K, Set<T>>}
 */
class MapView extends Map {
  /** @type {(key: K) => SetView<T>} */
  #makeSet
  /** The sets that were looked at. @type {Map<K, SetView<T>>} */
  #sets = new Map()

  #settle

  /**
   * @param {() => void} settle tells the engine of the latest changes; may take keys out
   * @param {(key: K) => SetView<T>} makeSet
   */
  constructor(settle, makeSet) {
    super()
    this.#settle = settle
    this.#makeSet = makeSet
  }

  /** The engine's number for a key. @param {K} key @returns {number | undefined} */
  numberOf(key) {
    return /** @type {any} */ (super.get(key))
  }

  /** @param {K} key @param {number} number */
  put(key, number) {
    super.set(key, /** @type {any} */ (number))
  }

  /** Whether the set of a key was looked at. @param {K} key */
  isViewed(key) {
    return this.#sets.has(key)
  }

  /** Takes a key out. A set that was looked at keeps its `last` elements. @param {K} key @param {T[]} last */
  take(key, last) {
    if (this.#sets.size > 0) {
      this.#sets.get(key)?.freeze(last)
      this.#sets.delete(key)
    }
    super.delete(key)
  }

  get size() {
    this.#settle()
    return super.size
  }

  /** @param {K} key */
  has(key) {
    this.#settle()
    return super.has(key)
  }

  keys() {
    this.#settle()
    return super.keys()
  }

  /** @param {K} key @returns {SetView<T> | undefined} */
  get(key) {
    if (!this.has(key)) return undefined
    let set = this.#sets.get(key)
    if (!set) {
      set = this.#makeSet(key)
      this.#sets.set(key, set)
    }
    return set
  }

  /** @returns {any} */
  *values() {
    for (const key of this.keys()) yield this.get(key)
  }

  /** @returns {any} */
  *entries() {
    for (const key of this.keys()) yield [key, this.get(key)]
  }

  [Symbol.iterator]() {
    return this.entries()
  }

  /**
   * @param {(value: Set<T>, key: K, map: Map<K, Set<T>>) => void} callback
   * @param {unknown} [thisArg]
   */
  forEach(callback, thisArg) {
    for (const [key, set] of this.entries()) callback.call(thisArg, set, key, this)
  }

  /** @returns {this} */
  set() {
    return readOnly()
  }

  /** @returns {boolean} */
  delete() {
    return readOnly()
  }

  clear() {
    readOnly()
  }

  [inspect.custom](/** @type {number} */ _depth, /** @type {import('node:util').InspectOptions} */ options) {
    return inspect(new Map(this.entries()), options)
  }
}

Object.defineProperty(MapView.prototype, 'constructor', { value: Map, writable: true, configurable: true })

module.exports = { MapView, SetView }
