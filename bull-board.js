// @ts-check
'use strict'

// First: without a binary, this throws the one error that explains it.
require('./lib/native')

const { QueueAdapter } = require('./lib/operate/bull-board/adapter')

module.exports = { QueueAdapter }
