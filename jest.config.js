// @ts-check
'use strict'

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/__test__/**/*.test.js'],
  // Real servers and clients on two busy cores; a test that waits for an event that never comes still ends.
  testTimeout: 30_000,
  maxWorkers: 2,
  // The default ignores node_modules only: build output and installed copies of this package are not ours to watch.
  modulePathIgnorePatterns: ['<rootDir>/target/', '<rootDir>/bench/node_modules/'],
}
