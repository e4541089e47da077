// What must not compile.
import { conflate, createAdapter, InvalidOptionError, NativeAdapterError, stats } from "socket.io-native-adapter";
import { Server } from "socket.io";

// @ts-expect-error a number is wanted
createAdapter({ writers: "2" });
// @ts-expect-error no such policy
createAdapter({ overflow: "wait" });
// @ts-expect-error no such option
createAdapter({ writer: 2 });
// @ts-expect-error the name of the primary is wanted
createAdapter({ cluster: { redis: { sentinels: ["h:26379"] } } });
// @ts-expect-error true or false
createAdapter({ lanes: 1 });
// @ts-expect-error leave it out instead
createAdapter({ flushTimeout: null });
// @ts-expect-error it makes a class, which only Socket.IO instantiates
new Server({ adapter: createAdapter });
// @ts-expect-error the server, not a namespace
stats(new Server().of("/"));
// @ts-expect-error a key is a text
conflate(new Server(), 5);
// @ts-expect-error counters are numbers
const frames: string = stats(new Server()).frames;
// @ts-expect-error no such reason
const reason = stats(new Server()).compatReasons.slow;
// @ts-expect-error no such code
const unknown = (error: NativeAdapterError): boolean => error.code === "ERR_SLOW";
// @ts-expect-error the code is given by the package
const assign = (error: InvalidOptionError): void => void (error.code = "ERR_INVALID_OPTION");

export { assign, frames, reason, unknown };
