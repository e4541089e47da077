// What must not compile.
import { createQueues, durable } from "socket.io-native-adapter";
import type { Server } from "socket.io";

declare const io: Server;
const queues = createQueues({ memory: true });
const kept = durable(io, queues);

// @ts-expect-error queues are wanted
durable(io);
// @ts-expect-error no such policy
durable(io, queues, { overflow: "wait" });
// @ts-expect-error one room; several are an audience
kept.to(["a", "b"]);
// @ts-expect-error either one or the other
kept.to("a").schedule({ delay: 1, deliverAt: 2 });
// @ts-expect-error one of them
kept.to("a").schedule({ volatile: true });
// @ts-expect-error an event has a name
kept.to("a").emit(5);
