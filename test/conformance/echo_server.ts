/** Echoes on a free port, which it prints. */
import { hostRuntime } from "../support/host_runtime.ts";

const { net } = await hostRuntime();
const listener = await net.listen({ host: "127.0.0.1", port: 0 }, (socket) => ({
  data: (chunk) => socket.write(chunk),
  closed() {},
}));
console.log(listener.address.port);
