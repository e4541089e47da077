import { createAdapter, stats } from "socket.io-native-adapter";
import { Server } from "socket.io";

const io = new Server();
io.adapter(createAdapter({ writers: 1 }));
io.listen(3000);
export const frames: number = stats(io).frames;
