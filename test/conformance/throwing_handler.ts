/** A socket handler with a bug: the process is to hear of it as an uncaught error. */
import process from "node:process";
import { hostRuntime } from "../support/host_runtime.ts";

process.on("uncaughtException", (error) => {
  console.log(`uncaught: ${error.message}`);
  process.exit(7);
});

const { net } = await hostRuntime();
const listener = await net.listen({ host: "127.0.0.1", port: 0 }, () => ({
  data() {
    throw new Error("a bug in the handler");
  },
  closed() {},
}));
const nothing = { data() {}, closed() {} };
const socket = await net.connect({ host: "127.0.0.1", port: listener.address.port, timeoutMs: 5_000 }, nothing);
socket.write(Uint8Array.of(1));
