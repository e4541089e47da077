// @ts-check
'use strict'

/** The kinds of `src/cluster.rs`. */
const EVENT = {
  UP: 0,
  DOWN: 1,
  BROADCAST: 2,
  REQUEST: 3,
  RESPONSE: 4,
  COUNT: 5,
  JOINED: 6,
  RELEASED: 7,
  LATE: 8,
  RESTORED: 9,
  WHOLE: 10,
  SETTLED: 11,
  TURN: 12,
  ECHO: 13,
}

module.exports = { EVENT }
