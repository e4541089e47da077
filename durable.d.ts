// Durable emits. `docs/guide/durable-emit.md` tells how they are used.

import type { EventEmitter } from "node:events";
import type { Namespace, Server } from "socket.io";
import type { Queue, QueueError, Queues } from "./queues.js";

/**
 * Emits that are kept until somebody acknowledges them. Make it once for a namespace, when its adapter is set. It does not keep the
 * process alive.
 * @param io a server (its main namespace) or a namespace
 * @param queues where emits are kept: over a path they survive the end of the process, in Redis several servers share them
 * @throws {QueueError} `QUEUE_OPTION_INVALID`, `QUEUE_CLOSED`
 */
export function durable(io: Server<any, any, any, any> | Namespace<any, any, any, any>, queues: Queues, options?: DurableOptions): Durable;

export interface DurableOptions {
  /** The queue in which emits are kept. One `durable()` of a process and store has it at a time. @default `durable:` and the namespace's name */
  name?: string;
  /**
   * Milliseconds in which a client has to answer. Then it is emitted again, after `retryDelay`. In Redis, a server that gives no sign of life for as long
   * (2000 at least) is taken for lost: others emit what it had. @default 10000
   */
  ackTimeout?: number;
  /** Milliseconds before the second try; doubled with each one up to `maxRetryDelay`. A socket that joins does not shorten it. @default 1000 */
  retryDelay?: number;
  /** Milliseconds. @default 60000 */
  maxRetryDelay?: number;
  /** Most emits on their way to a room at a time, 1 to 1024. One that was not answered is emitted again alone. @default 16 */
  window?: number;
  /** Most emits on their way to all rooms, 1 to 100000. @default 10000 */
  maxInFlight?: number;
  /** Most emits kept for one room. @default 10000 */
  maxLength?: number;
  /** What one more does: reject with `QUEUE_FULL`, or take the place of the room's oldest that is not on its way. @default "reject" */
  overflow?: "reject" | "dropOldest";
  /** Milliseconds after which an emit that nobody has acknowledged is dropped, if it has no `ttl()` of its own. @default never */
  ttl?: number;
  /** After so many tries without an answer an emit is given up, 1 to 65535. Until then, those behind it wait. @default 65535 */
  maxAttempts?: number;
  /** The queue that keeps what was given up. @default none: it is removed */
  deadLetter?: string;
}

/** What a client gets behind the arguments of an emit, and before the function that acknowledges it. */
export interface DurableMeta {
  /** The same whenever the same emit comes again: a client that has seen it acknowledges and ignores it. */
  id: string;
  /** Milliseconds since 1970. */
  sentAt: number;
  /** 1, and one more for each time that nobody has answered in time. */
  attempt: number;
}

export interface Durable extends EventEmitter<DurableEvents> {
  /** Where emits are kept: `stats()` counts those that wait as `blocked`; `list()`, `purge()`, `pause()` work. */
  readonly queue: Queue;

  /** Emits to a room: in order, until one socket of the room acknowledges it. @param room 1 to 1024 bytes */
  to(room: string): DurableOperator<DurableReceipt>;

  /** Emits to each of these rooms, such as `user:1`, `user:2`: kept until each has acknowledged it. The answer has one result each. */
  audience(rooms: Iterable<string>): DurableOperator<(DurableReceipt | { error: QueueError })[]>;

  /** Takes an emit back that is not on its way. @returns whether it was still there */
  cancel(id: string): Promise<boolean>;

  stats(): DurableStats;

  /** Ends deliveries. What was not acknowledged is kept for the next `durable()`. Close it before the queues. */
  close(): Promise<void>;
}

/** Can be kept and used again: each method returns a new one. */
export interface DurableOperator<Result> {
  /** Milliseconds after which it is dropped if nobody has acknowledged it. */
  ttl(ttl: number): DurableOperator<Result>;
  /** A second emit to the same room with this id within five minutes is not kept: so that asking twice does no harm. */
  dedupId(dedupId: string): DurableOperator<Result>;
  /** Emits later. `cancel()` takes it back. */
  schedule(options: ScheduleOptions): DurableOperator<Result>;
  /**
   * Resolves when it is stored, with `durability: "commit"` on the disk. Arguments are what Socket.IO takes, bytes included.
   * Clients: `socket.on(event, (...args, meta, ack) => ack())`, see {@link DurableMeta}.
   * @throws {QueueFullError} too many are kept for this room, or the disk is full
   */
  emit(event: string, ...args: any[]): Promise<Result>;
}

export interface DurableReceipt {
  id: string;
  /** It was not kept, for its `dedupId`: the id is that of the first. */
  duplicate: boolean;
}

/** Either `delay` or `deliverAt`. */
export type ScheduleOptions = ({ delay: number; deliverAt?: undefined } | { deliverAt: Date | number; delay?: undefined }) & {
  /** An ordinary emit to whoever is there then, without meta and acknowledgement. @default false */
  volatile?: boolean;
};

export interface DurableStats {
  /** Rooms with sockets here. */
  rooms: number;
  /** Emits that were sent and not answered yet. */
  inFlight: number;
  /** Counter: emits sent to a room, again included. */
  delivered: number;
  /** Counter. */
  acknowledged: number;
  /** Counter: nobody has answered in time. */
  unanswered: number;
  /** Counter: given back because the last socket left, or behind one that was not answered, or taken over by another server. */
  returned: number;
}

export interface DurableEvents {
  acknowledged: [event: { id: string; room: string }];
  /** Nobody has answered in time. It is emitted again in `delay` milliseconds, unless that was the last try. */
  unanswered: [event: { id: string; room: string; attempt: number; delay: number }];
  /** It could not be sent, or deliveries could not begin. Without a listener it is a process warning. */
  error: [error: Error];
  closed: [];
}
