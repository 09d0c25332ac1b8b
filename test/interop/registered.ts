/** Apache's broker says that it is ready, and answers, also when its first registration failed, as it does on a busy machine. */
import { Admin, ClientInstance } from "../../core/client/mod.ts";
import { hostRuntime } from "../support/host_runtime.ts";

/** Between two questions. */
const ASK_EVERY_MS = 100;

/** Waits until the nameserver knows broker-a, which tries again after ten seconds. @throws Error after `timeoutMs` */
export async function untilRegistered(namesrvAddr: string, timeoutMs: number): Promise<void> {
  const client = new ClientInstance({ runtime: await hostRuntime(), namesrvAddr });
  const { clusters } = new Admin(client);
  const deadline = Date.now() + timeoutMs;
  try {
    while (!(await clusters.masterOfBroker("broker-a").then(Boolean, () => false))) {
      if (Date.now() > deadline) throw new Error(`broker-a is not registered after ${timeoutMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  } finally {
    await client.close();
  }
}
