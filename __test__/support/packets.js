// @ts-check
'use strict'

/** @typedef {{ type: number, nsp: string, id?: number, data?: any }} Packet of Socket.IO, protocol 5 */

/**
 * @param {string} text
 * @returns {{ packet: Packet, attachments: number }}
 */
function readPacket(text) {
  const match = /^([0-6])(?:(\d+)-)?(?:(\/[^,]*),)?(\d+)?(.*)$/s.exec(text)
  if (!match) throw new Error(`expected a Socket.IO packet, got ${text.slice(0, 40)}`)
  const [, type, attachments, nsp = '/', id, json] = match
  /** @type {Packet} */
  const packet = { type: Number(type), nsp }
  if (id !== undefined) packet.id = Number(id)
  if (json !== '') packet.data = JSON.parse(json)
  return { packet, attachments: Number(attachments ?? 0) }
}

module.exports = { readPacket }
