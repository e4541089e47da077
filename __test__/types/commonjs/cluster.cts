import native = require("socket.io-native-adapter");

async function main(): Promise<native.ClusterStats> {
  const emitter: native.Emitter = native.createEmitter({ redis: { host: "h", tls: true }, mode: "pubsub", key: "k", outbox: { messages: 5 } });
  const redis: native.RedisSentinelOptions = {
    sentinels: ["h:26379", { host: "h", port: 26379 }, { host: "h" }],
    name: "mymaster",
    username: "u",
    password: "p",
    db: 1,
    tls: { ca: "PEM" },
    sentinelUsername: "u",
    sentinelPassword: "p",
    sentinelTls: true,
  };
  native.createAdapter({ cluster: { redis, mode: "streams" } });
  native.createEmitter({ redis });
  native.createQueues({ redis });
  emitter.on("cluster:down", (error) => console.log(error.code)).once("cluster:up", () => {});
  const sent: true = emitter.to(["a", "b"]).except("c").volatile.compress(false).emit("event", 1, { bytes: Buffer.alloc(1) });
  emitter.of("/chat").in("a").socketsJoin(["b"]);
  emitter.in("a").socketsLeave("b");
  emitter.disconnectSockets(sent);
  emitter.serverSideEmit("event", 1);
  await emitter.flush({ timeout: 5 });
  await emitter.close();
  return emitter.stats();
}

void main();
