import native = require("socket.io-native-adapter");
import { Server } from "socket.io";

const io = new Server(3000, { adapter: native.createAdapter({ writers: 2, overflow: "drop" }) });
io.adapter(native.createAdapter());
io.of("/chat").adapter.rooms.get("room")?.size;

const { lanes, compatReasons }: native.AdapterStats = native.stats(io);
const polling: number = compatReasons.polling ?? 0;
const version: string = native.version;

io.on("connection", (socket) => {
  socket.on("disconnect", (reason, description) => {
    if (description instanceof native.ClientTooSlowError) console.log(reason, description.code);
  });
});

try {
  native.createAdapter({ maxBufferedBytes: 1 });
} catch (error) {
  if (error instanceof native.NativeAdapterError && error.code === "ERR_INVALID_OPTION") console.log(error.cause);
}

export = { lanes, polling, version };
