import http = require("node:http");
import { Server } from "socket.io";
import native = require("socket.io-native-adapter");

async function main(io: Server): Promise<void> {
  const queues = native.createQueues({ memory: true });
  const kept: native.Durable = native.durable(io, queues, { window: 4, overflow: "dropOldest", ttl: 1000, maxLength: 5 });
  const { id, duplicate }: native.DurableReceipt = await kept.to("user:42").emit("invoice", { total: 1 }, Buffer.alloc(1));
  for (const result of await kept.audience(["a", "b"]).ttl(5).dedupId("x").emit("terms")) {
    if ("error" in result) console.log(result.error.code);
    else console.log(result.id);
  }
  await kept.to("u").schedule({ delay: 5 }).emit("x");
  await kept.to("u").schedule({ deliverAt: new Date(), volatile: true }).emit("x");
  const gone: boolean = await kept.cancel(id);
  kept.on("unanswered", ({ room, attempt, delay }) => console.log(room, attempt + delay, gone, duplicate));
  kept.on("error", (error) => console.log(error.message));
  const { rooms, inFlight }: native.DurableStats = kept.stats();
  const { blocked } = await kept.queue.stats();
  console.log(rooms + inFlight + blocked);
  await native.durable(io.of("/x"), queues).close();
}

void main(new Server(http.createServer()));
