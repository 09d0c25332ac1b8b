/**
 * Opens connections, gets one answer on each, and then keeps them open without a word. Run as a program of its own:
 * `idle.ts <port> <connections>` prints `ready` and waits to be ended.
 */
import { RawClient } from "./raw_client.ts";

/** Below the backlog of a listening socket, so that no connection attempt is dropped and repeated a second later. */
const openAtOnce = 100;

const [port, connections] = process.argv.slice(2).map(Number) as [number, number];
const clients: RawClient[] = [];
while (clients.length < connections) {
  const count = Math.min(openAtOnce, connections - clients.length);
  const opened = await Promise.all(
    Array.from({ length: count }, async () => {
      const client = await RawClient.connect("127.0.0.1", port);
      // GET_MAX_OFFSET: any answer will do, it makes the server use the connection once
      await client.invoke(30, { topic: "bench_first_answer", queueId: "0" });
      return client;
    }),
  );
  clients.push(...opened);
}
console.log(`ready ${clients.length}`);
setInterval(() => {}, 60_000);
