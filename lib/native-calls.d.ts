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

/** What `src/queues.rs` gives as functions. */
interface NativeQueues {
  /**
   * The commands in the first `count` words and `length` bytes, as `lib/queues/block.js` writes them. Returns whether they were
   * applied at once, which is tried with `inPlace`: then there is something to take, and no signal.
   */
  submit(
    words: Uint32Array,
    count: number,
    bytes: Uint8Array,
    length: number,
    attachments: Uint8Array[] | null,
    inPlace: boolean,
  ): boolean
  /** Writes what came out into `words`, which begin with their number, and returns the bytes, if any. */
  take(words: Uint32Array): Buffer | null
  /** Whether the signal keeps the process alive. */
  hold(strong: boolean): void
  /** Begins to close the engine. */
  close(): void
  /** Lets go of everything. Blocks until the engine has ended. */
  dispose(): void
}

/** What `src/cluster.rs` gives as functions. `slot` is a number of a namespace, never used again. */
interface NativeCluster {
  /** A namespace begins. `native`: its broadcasts may be written without the event loop. */
  join(slot: number, namespace: number, name: string, native: boolean): void
  leave(slot: number): void
  setNative(slot: number, native: boolean): void
  /** A broadcast, encoded for clients; `options` is JSON of rooms, except and flags, unless it is for the one room alone. */
  broadcast(slot: number, text: string, room: string | null, options: string | null): void
  /** A broadcast, encoded for servers. */
  packet(slot: number, payload: string | Buffer, room: string | null): void
  /** A request; `expect` is its id, when answers to it are to be told. */
  request(slot: number, payload: string | Buffer, expect: string | null): void
  /** No more answers to a request. */
  forget(id: string): void
  /** An answer, to the server that asked, or to all. */
  answer(slot: number, payload: string | Buffer, to: string | null): void
  /** Asks how many servers have the namespace. */
  count(slot: number, ticket: number): void
  /** A request that was taken is done: what came after it goes on. */
  done(slot: number): void
  /** Who writes to clients is about to change: an event comes when it is time, and what follows waits for `done()`. */
  turn(slot: number): void
  /** An event comes after all that is on its way. */
  echo(ticket: number): void
  /**
   * A packet is issued in a namespace with recovery: `how` are the bits of `src/recovery.rs`, `token` names it in news of it. It is
   * published, if at all, as `payload` or else as `text`; its recipients here are named as in `broadcast()`, from `room` on. Returns
   * whether it waits (1) and whom JavaScript writes to, or null when JavaScript has nothing to do.
   */
  issue(
    slot: number,
    how: number,
    text: string | null,
    payload: string | Buffer | null,
    name: string | null,
    options: string | null,
    token: number,
    namespace: number,
    flags: number,
    tick: number,
    ...to: any[]
  ): Uint32Array | null
  /** Whether packets wait. */
  waits(slot: number): boolean
  /** A socket goes: what waits for its connection is written. */
  flushFor(slot: number, index: number): void
  /** Keeps what is given under each key for so many ms, or deletes it (null). */
  save(sessions: [key: string, session: string | null, milliseconds: number][]): void
  /** Somebody has come back: false when its offset is none, else an event follows. */
  restore(slot: number, ticket: number, key: string, offset: string): boolean
  /** No entry of the namespace is handled until `resume()`, which follows at once. */
  pause(slot: number): void
  resume(slot: number): void
  /** Who has come back is in its rooms, also in that of its id, which has this number: what it missed since it was told. */
  catchUp(slot: number, ticket: number, namespace: number, room: number): import('../native').NativeMissed
  /**
   * Whether all that waits for a socket waits in the engine: the packets with these tokens, and what was kept for it since the restore
   * with that ticket, of which `written` were written. Else the rest is on its way to JavaScript.
   */
  adoptable(slot: number, tokens: Uint32Array, ticket: number | null, written: number): boolean
  /**
   * The writers write to a socket, alone in `room`, from now on: whether they take over what waits for it, with these tokens or since
   * the restore with that ticket.
   */
  adopt(slot: number, tokens: Uint32Array, ticket: number | null, namespace: number, room: number): boolean
  /** Of an emitter: an event comes when what was handed over is published, or given up. */
  flush(ticket: number): void
  /** Asks when the rooms that were made so far are subscribed. */
  settle(ticket: number): void
  /** What was handed over is seen now. */
  wake(): void
  take(): import('../native').NativeClusterEvent[]
  stats(): string
  /** Ends it, after what was handed over; with a timeout in ms it waits for that. */
  close(timeout: number): void
}
