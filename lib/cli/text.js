// @ts-check
'use strict'

/** Answers for people. */

const { inspect } = require('node:util')
const { readable } = require('../operate/bull-board/readable')

/** @param {number} bytes */
function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024
    unit++
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`
}

/** @param {number | null} millis */
function duration(millis) {
  if (millis === null) return '-'
  if (millis < 1000) return `${millis} ms`
  const seconds = Math.floor(millis / 1000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`
}

/**
 * Columns; all but the first are set to the right.
 * @param {(string | number)[][]} rows the first are the titles
 */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)))
  const line = (/** @type {(string | number)[]} */ row) =>
    row.map((cell, column) => (column === 0 ? String(cell).padEnd(widths[0]) : String(cell).padStart(widths[column]))).join('  ')
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('')
}

/** What comes from messages must not move the cursor, or worse. @param {string} text */
function printable(text) {
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** @param {{ name: string, stats: import('../..').QueueStats }[]} queues */
function listText(queues) {
  if (queues.length === 0) return 'no queues\n'
  const rows = queues.map(({ name, stats }) => [
    name + (stats.paused ? ' (paused)' : ''),
    ...[stats.ready, stats.blocked, stats.delayed, stats.active],
    duration(stats.oldestReady),
    size(stats.bytes),
  ])
  return table([['queue', 'ready', 'blocked', 'delayed', 'active', 'oldest', 'bytes'], ...rows])
}

/** @param {any} answer */
function statsText({ store, queues }) {
  const lines = [
    `store    ${size(store.bytes)}, ${size(store.liveBytes)} of it live, ${store.segments} segments`,
    `opening  ${store.messages} messages in ${store.queues} queues, ${store.replayed} records replayed, ` +
      `${store.quarantined} damaged, ${size(store.tornBytes)} torn`,
  ]
  for (const { name, stats, options, repeats } of queues) {
    lines.push('', `${name}${stats.paused ? ' (paused)' : ''}`)
    lines.push(`  ready ${stats.ready}, blocked ${stats.blocked}, delayed ${stats.delayed}, active ${stats.active}, keys ${stats.keys}`)
    lines.push(`  ${size(stats.bytes)}, oldest ${duration(stats.oldestReady)}`)
    lines.push(`  ${inspect(options, { breakLength: Infinity, compact: true })}`)
    for (const repeat of repeats) lines.push(`  repeats ${repeat.name}: ${repeat.cron ?? `every ${duration(repeat.every)}`}`)
  }
  return `${lines.join('\n')}\n`
}

/** @param {import('../..').MessageInfo[]} messages */
function peekText(messages) {
  if (messages.length === 0) return 'no messages\n'
  return messages.map(messageText).join('\n')
}

/** @param {import('../..').MessageInfo} message */
function messageText({ id, state, priority, attempts, sentAt, deliverAt, expiresAt, key, origin, headers, payload, history }) {
  const lines = [`${id}  ${state}, sent ${new Date(sentAt).toISOString()}, attempts ${attempts}, priority ${priority}`]
  if (deliverAt !== undefined) lines.push(`  due      ${new Date(deliverAt).toISOString()}`)
  if (expiresAt !== undefined) lines.push(`  expires  ${new Date(expiresAt).toISOString()}`)
  if (key !== undefined) lines.push(`  key      ${key}`)
  if (origin !== undefined) lines.push(`  died in  ${origin}`)
  for (const [name, value] of Object.entries(headers)) lines.push(`  header   ${name}: ${value}`)
  for (const { attempt, error } of history) lines.push(`  failed   ${attempt}: ${error}`)
  const shown = inspect(readable(payload), { depth: 4, maxStringLength: 500, maxArrayLength: 20 })
  lines.push(...shown.split('\n').map((line) => `  ${line}`))
  return `${lines.map(printable).join('\n')}\n`
}

/** @param {any} verified */
function verifyText({ files, bytes, records, damaged, tornBytes, messages, queues }) {
  const lines = []
  for (const file of files) {
    for (const place of file.damaged) lines.push(`${file.name}: ${place.bytes} bytes at ${place.offset} are damaged`)
    if (file.tornBytes > 0) lines.push(`${file.name}: ${file.tornBytes} bytes at the end are unfinished, and belong to nothing that was answered`)
  }
  lines.push(`${files.length} files, ${size(bytes)}, ${records} records; ${messages} messages in ${queues} queues`)
  lines.push(damaged === 0 ? `nothing is damaged${tornBytes > 0 ? ` (${size(tornBytes)} torn)` : ''}` : `${damaged} places are damaged`)
  return `${lines.join('\n')}\n`
}

module.exports = { listText, peekText, statsText, verifyText }
