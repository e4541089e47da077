'use strict'

const { InvalidOptionError, NativeAdapterError, createAdapter } = require('../..')

const WRONG = [
  ['writers', 0, 'an integer from 1 to 64', '0'],
  ['writers', 65, 'an integer from 1 to 64', '65'],
  ['writers', 1.5, 'an integer from 1 to 64', '1.5'],
  ['writers', NaN, 'an integer from 1 to 64', 'NaN'],
  ['writers', '2', 'an integer from 1 to 64', "'2'"],
  ['writers', null, 'an integer from 1 to 64', 'null'],
  ['maxBufferedBytes', 1023, 'an integer from 1024 to 9007199254740991', '1023'],
  ['maxBufferedBytes', Infinity, 'an integer from 1024 to 9007199254740991', 'Infinity'],
  ['maxBufferedBytes', '16MB', 'an integer from 1024 to 9007199254740991', "'16MB'"],
  ['overflow', 'wait', '"disconnect" or "drop"', "'wait'"],
  ['overflow', true, '"disconnect" or "drop"', 'true'],
  ['flushTimeout', -1, 'an integer from 0 to 60000', '-1'],
  ['flushTimeout', 60_001, 'an integer from 0 to 60000', '60001'],
  ['flushTimeout', 10n, 'an integer from 0 to 60000', '10n'],
  ['lanes', 1, 'true or false', '1'],
  ['lanes', 'false', 'true or false', "'false'"],
  ['lanes', {}, 'true or false', '{}'],
]

/** What a call throws. */
function thrownBy(call) {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('expected an error')
}

test.each(WRONG)('the option %s: %p is refused, with what was expected and what came', (name, value, expected, got) => {
  const error = thrownBy(() => createAdapter({ [name]: value }))
  expect(error).toBeInstanceOf(InvalidOptionError)
  expect(error).toBeInstanceOf(NativeAdapterError)
  expect(error.code).toBe('ERR_INVALID_OPTION')
  expect(error.name).toBe('InvalidOptionError')
  expect(error.message).toBe(`createAdapter: expected ${name} to be ${expected}, got ${got}`)
})

test.each([
  ['writers', 1],
  ['writers', 64],
  ['maxBufferedBytes', 1024],
  ['maxBufferedBytes', Number.MAX_SAFE_INTEGER],
  ['overflow', 'disconnect'],
  ['overflow', 'drop'],
  ['flushTimeout', 0],
  ['flushTimeout', 60_000],
  ['lanes', true],
  ['lanes', false],
  ['lanes', undefined],
])('the option %s: %p is taken', (name, value) => {
  expect(typeof createAdapter({ [name]: value })).toBe('function')
})

test('without options, with undefined and with an empty object, the defaults hold', () => {
  for (const call of [() => createAdapter(), () => createAdapter(undefined), () => createAdapter({})]) {
    expect(typeof call()).toBe('function')
  }
})

test.each([[null], ['options'], [4], [[]], [true], [() => {}]])('%p instead of options is refused', (options) => {
  const error = thrownBy(() => createAdapter(options))
  expect(error.code).toBe('ERR_INVALID_OPTION')
  expect(error.message).toMatch(/^createAdapter: expected an object of options, got /)
})

test('an unknown option is refused, and the known ones are named', () => {
  const error = thrownBy(() => createAdapter({ writer: 2 }))
  expect(error.code).toBe('ERR_INVALID_OPTION')
  expect(error.message).toBe(
    'createAdapter: expected one of the options writers, maxBufferedBytes, overflow, flushTimeout, lanes, ioUring, cluster, got ' + "'writer'",
  )
})

test('an option that every object inherits is unknown, too', () => {
  expect(thrownBy(() => createAdapter({ toString: 1 })).message).toContain("got 'toString'")
})
