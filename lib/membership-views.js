// @ts-check
'use strict'

/** The sets of `adapter.rooms` and `adapter.sids`, which ask the engine. */

const { SetView } = require('./rooms-view')

/** @typedef {import('socket.io-adapter').Room} Room */
/** @typedef {import('socket.io-adapter').SocketId} SocketId */
/** @typedef {import('./membership').Membership} Membership */
/** @typedef {import('../native').NativeEngine} NativeEngine */

/** A room that the engine does not have. */
const NO_ROOM = 2 ** 32 - 1

/**
 * The members of a room, as long as it exists.
 * @param {Membership} membership
 * @param {NativeEngine} native
 * @param {Room} name
 * @returns {SetView<SocketId>}
 */
function membersOf(membership, native, name) {
  const room = () => membership.rooms.numberOf(name) ?? NO_ROOM
  return new SetView(membership.settle, {
    size: () => native.memberCount(membership.namespace, room()),
    has: (id) => {
      const index = membership.sids.numberOf(id)
      return index !== undefined && native.isMember(membership.namespace, index, room())
    },
    list: () => membership.idsAt(native.members(membership.namespace, room())),
  })
}

/**
 * The rooms of a socket, as long as it is here.
 * @param {Membership} membership
 * @param {NativeEngine} native
 * @param {SocketId} id
 * @returns {SetView<Room>}
 */
function roomsOf(membership, native, id) {
  const index = () => /** @type {number} */ (membership.sids.numberOf(id))
  return new SetView(membership.settle, {
    size: () => native.roomCountOf(membership.namespace, index()),
    has: (name) => native.isMember(membership.namespace, index(), membership.rooms.numberOf(name) ?? NO_ROOM),
    list: () => membership.namesAt(native.roomsOf(membership.namespace, index())),
  })
}

module.exports = { membersOf, roomsOf }
