/** What `src/calls.rs` gives as functions, and the generated types refer to. */
interface NativeCalls {
  /** A message for a room by its number, or for all: -1. Returns the recipients that JavaScript writes to, if any. */
  broadcast(namespace: number, text: string | null, flags: number, tick: number, room: number): Uint32Array | null
  /** The same for any of the first `rooms` of `ids` (all if none) and none of the next `except`. */
  broadcast(
    namespace: number,
    text: string | null,
    flags: number,
    tick: number,
    room: null,
    ids: Uint32Array,
    rooms: number,
    except: number,
    attachments: Buffer[] | null,
    key: string | undefined,
  ): Uint32Array | null
  sendText(index: number, kind: number, text: string, flags: number, tick: number): void
  sendBinary(index: number, data: Uint8Array, legacy: boolean, flags: number, tick: number): void
  apply(namespace: number, words: Uint32Array, count: number, names: string): Uint32Array | null
  /** Issues a ticket that is due when everything before is written; the lane takes nothing after it. */
  finish(index: number): void
  /** Closes a lane: what waits is tried once more. Its last event follows. */
  closeLane(index: number, legacy: boolean): void
  /** Takes an index back, when its lane is closed and no socket has it. */
  giveIndexBack(index: number): void
  wake(): void
}
