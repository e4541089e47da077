// The queues on a dashboard of bull-board. `docs/guide/operating.md` tells how it is mounted.

import type { BaseAdapter } from "@bull-board/api/dist/queueAdapters/base.js";
import type { QueueAdapterOptions } from "@bull-board/api/dist/types.js";
import type { Queue } from "./queues.js";

export interface NativeQueueAdapterOptions extends Partial<QueueAdapterOptions> {
  /**
   * How many of the messages that this process sees processed are listed as completed, 0 to 10000, with their results. A queue does not keep
   * what was processed. Each costs two events on the event loop.
   * @default 0
   */
  recentCompleted?: number;
}

/**
 * Shows a queue on the dashboard, and operates it: `createBullBoard({ queues: [new QueueAdapter(queue)], serverAdapter })`. Its dead letters
 * are the failed jobs.
 * @throws {QueueError} `QUEUE_OPTION_INVALID`. Importing this throws `ERR_MISSING_PACKAGE` when the app does not have `@bull-board/api`.
 */
export const QueueAdapter: new (queue: Queue<any, any>, options?: NativeQueueAdapterOptions) => BaseAdapter;
