import native = require("socket.io-native-adapter");
import type { Server } from "socket.io";

interface Mail {
  to: string;
  copies?: number;
}

/** Messages from sockets. */
export function accepting(io: Server, queues: native.Queues): native.Acceptor {
  const allowed = async (socket: { id: string }, queue: string): Promise<boolean> => socket.id !== queue;
  queues.accept(io.of("/x"), { queues: ["mail"], authorize: allowed, rateLimit: { max: 1, per: 1000 }, allow: ["key"] }).close();
  return queues.accept(io, { event: "enqueue", queues: ["mail"], authorize: (socket, queue, payload) => payload.to === socket.id + queue });
}

/** Messages for sockets. */
export function dispatching(io: Server<{ a: () => void }>, mail: native.Queue<Mail>): native.Dispatcher<Mail> {
  mail.dispatch(io, { event: "job" }).unref();
  mail.dispatch(io.of("/workers"), { event: "job", strategy: "sticky", maxDisconnects: 0 });
  const dispatcher = mail.dispatch(io.in("gpu").except("busy"), { event: "job", timeout: 1000, prefetch: 2 });
  dispatcher.on("hand-over", ({ id, from, to, reason, millis }) => console.log(id, from.id, to.id, reason === "timeout", millis + 1));
  dispatcher.on("late-answer", ({ id, socket }) => socket.emit("late", id));
  const sockets: number = dispatcher.pause().resume().stats().sockets;
  const meta: native.JobMeta = { id: "", attempt: sockets, headers: {} };
  const answer: native.JobAnswer<number> = { ok: true, result: meta.attempt };
  console.log(answer);
  return dispatcher;
}

async function main(): Promise<void> {
  const queues: native.Queues = native.createQueues({ path: "./data", durability: "interval", interval: 100 });
  native.createQueues({ memory: true });
  queues.on("error", (error) => console.log(error.code));

  const mail = queues.queue<Mail, { accepted: boolean }>("mail", {
    maxAttempts: 5,
    backoff: (attempt, error, message) => (error instanceof Error && message.payload.copies ? attempt * 10 : 0),
    deadLetter: "mail.dead",
    rate: { max: 10, per: 1000 },
    overflow: "wait",
  });
  const { id, duplicate }: native.Receipt = await mail.send({ to: "a@b.c" }, { key: "a", deliverAt: new Date() });
  const results = await mail.sendBatch([{ payload: { to: "a@b.c" }, priority: 3 }]);
  for (const result of results) if ("error" in result) console.log(result.error.code, id, duplicate);

  const worker = mail.consume(
    async (message, { signal, progress, extend }) => {
      progress(50);
      await extend(1000);
      const to: string = message.payload.to;
      return { accepted: to !== "" && !signal.aborted };
    },
    { concurrency: 50, visibilityTimeout: 30_000 },
  );
  worker.on("lease-ended", (message, error) => console.log(message.payload.to, error.code));

  mail.consume(async (messages) => {
    for (const message of messages) await message.nack(new Error(message.payload.to), { dead: true });
  }, { batch: { size: 100, wait: 5 } });

  const { accepted }: { accepted: boolean } = await mail.request({ to: "x" }, { timeout: 5000, onProgress: console.log });
  mail.on("dead", ({ id, error, deadLetter }) => console.log(id, error, deadLetter, accepted));

  const page = await mail.list({ state: "delayed" });
  const copies: number = page.messages[0]?.payload.copies ?? 1;
  await mail.repeat("daily", { cron: "0 9 * * *", tz: "Europe/Berlin", until: new Date() }, { to: "all" });
  const p99: number | null = (await mail.stats()).waitTime.p99;
  const { bytes, syncTime }: native.StoreStats = await queues.stats();
  const scrape: native.Metrics = native.metrics(null, queues, { register: null, prefix: "app_", maxQueues: 10 });
  console.log(bytes, syncTime.p99, scrape.contentType, await scrape.text());
  await worker.unref().close({ timeout: 1000 });
  await queues.close();
  console.log(copies, p99);
}

main().catch((error: unknown) => {
  if (error instanceof native.QueueFullError && error.code === "QUEUE_DISK_FULL") console.log(error.cause);
});

export {};
