// What must not compile.
import { createQueues, metrics, type QueueError } from "socket.io-native-adapter";
import type { Server } from "socket.io";

declare const io: Server;

const queues = createQueues({ memory: true });
const mail = queues.queue<{ to: string }, number>("mail");

// @ts-expect-error a store is wanted
createQueues({});
// @ts-expect-error one or the other
createQueues({ path: "x", memory: true });
// @ts-expect-error the name of the primary is wanted
createQueues({ redis: { sentinels: ["h:26379"] } });
// @ts-expect-error no such durability
createQueues({ path: "x", durability: "always" });
// @ts-expect-error no such policy
queues.queue("q", { overflow: "drop" });
// @ts-expect-error the payload has a type
mail.send({ from: "x" });
// @ts-expect-error so have those of a batch
mail.sendBatch([{ payload: 5 }]);
// @ts-expect-error no such option
mail.send({ to: "x" }, { delays: 5 });
// @ts-expect-error headers are texts
mail.send({ to: "x" }, { headers: { n: 1 } });
// @ts-expect-error the result has a type
mail.consume(async () => "text");
// @ts-expect-error one message without batch
mail.consume(async (messages) => messages.length);
// @ts-expect-error the answer is a number
const answer: Promise<string> = mail.request({ to: "x" });
// @ts-expect-error every or cron
mail.repeat("r", { every: 5, cron: "* * * * *" }, { to: "x" });
// @ts-expect-error no such event
mail.on("failed", () => {});
// @ts-expect-error no such state
mail.list({ state: "dead" });
// @ts-expect-error no such option
metrics(null, queues, { registry: null });
// @ts-expect-error no such code
const unknown = (error: QueueError): boolean => error.code === "QUEUE_SLOW";
// @ts-expect-error an event is wanted
mail.dispatch(io, { timeout: 5 });
// @ts-expect-error sockets are wanted
mail.dispatch("gpu", { event: "job" });
// @ts-expect-error no such strategy
mail.dispatch(io, { event: "job", strategy: "random" });
// @ts-expect-error somebody has to decide
queues.accept(io, { queues: ["mail"] });

export { answer, unknown };
