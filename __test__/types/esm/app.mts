import adapter, { bufferedBytes, conflate, createAdapter, NativeAdapterError, stats, version } from "socket.io-native-adapter";
import type { AdapterConstructor, AdapterOptions, AdapterStats, CompatReason, ErrorCode } from "socket.io-native-adapter";
import { createServer } from "node:http";
import { Server } from "socket.io";

interface ServerToClient {
  news: (text: string) => void;
}
interface ClientToServer {
  read: (id: number, done: (found: boolean) => void) => void;
}

const options: AdapterOptions = {
  writers: 4,
  maxBufferedBytes: 1_048_576,
  overflow: "disconnect",
  flushTimeout: 0,
  lanes: false,
};
const constructor: AdapterConstructor = createAdapter(options);
const typed = new Server<ClientToServer, ServerToClient, { ping: () => void }, { user: string }>(createServer(), {
  adapter: constructor,
});
typed.to("room").emit("news", "hello");
conflate(typed.to("room"), "key").emit("news", "newest");
conflate(typed.of("/other"), "key").except("room").emit("news", "newest");
typed.on("connection", (socket) => {
  conflate(socket, "key").emit("news", bufferedBytes(socket).toFixed());
});
typed.of("/other").use((_socket, next) => next());

const reading: AdapterStats = stats(typed);
const batching: number = reading.frames / reading.systemCalls;
for (const [reason, count] of Object.entries(reading.compatReasons)) console.log(reason, count.toFixed(), batching);
const reasons: CompatReason[] = ["polling", "tls"];

function explain(error: unknown): ErrorCode | undefined {
  return error instanceof NativeAdapterError ? error.code : undefined;
}

console.log(explain(new Error()), reasons, version, adapter.version);
