/** A program that sends one message and says so: what a user waits for at the start of a process. Argument: nameserver. */
import { ClientInstance, Producer } from "../../core/client/mod.ts";
import { hostRuntime } from "../../test/support/host_runtime.ts";

const client = new ClientInstance({ runtime: await hostRuntime(), namesrvAddr: process.argv[2] ?? "" });
await new Producer(client, { producerGroup: "bench-first" }).send({ topic: "bench_first", body: "first" });
console.log("sent");
await client.close();
