import { createBullBoard } from "@bull-board/api";
import type { IServerAdapter } from "@bull-board/api/dist/types.js";
import { createQueues } from "socket.io-native-adapter";
import { QueueAdapter, type NativeQueueAdapterOptions } from "socket.io-native-adapter/bull-board";

declare const serverAdapter: IServerAdapter;

const mail = createQueues({ memory: true }).queue<{ to: string }, number>("mail");
const options: NativeQueueAdapterOptions = { recentCompleted: 10, readOnlyMode: true };
createBullBoard({ queues: [new QueueAdapter(mail), new QueueAdapter(mail, options)], serverAdapter });

// @ts-expect-error a queue, not its name
new QueueAdapter("mail");
// @ts-expect-error no such option
new QueueAdapter(mail, { completed: 10 });
