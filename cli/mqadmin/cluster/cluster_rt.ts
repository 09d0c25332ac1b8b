/** clusterRT: how long a send takes, to every broker of every cluster, again and again. */
import { Producer } from "../../../core/client/mod.ts";
import type { CommandContext } from "../context.ts";
import { CommandError, command, optional } from "../declaration.ts";
import { dateTime, format } from "../format.ts";
import { integerOr, isTrue } from "../values.ts";

export const clusterRT = command({
  name: "clusterRT",
  package: "cluster",
  description: "List All clusters Message Send RT.",
  options: {
    amount: optional("a", "message amount | default 100"),
    size: optional("s", "message size | default 128 Byte"),
    cluster: optional("c", "cluster name | default display all cluster"),
    printLog: optional("p", "print as tlog | default false"),
    machineRoom: optional("m", "machine room name | default noname"),
    interval: optional("i", "print interval | default 10 seconds"),
  },
  example: "-n 127.0.0.1:9876 -a 10 -s 64",
  async run(context, options) {
    const amount = integerOr(options.amount, "amount", 100, 2);
    const body = new Uint8Array(integerOr(options.size, "size", 128, 1)).fill(0x61);
    const intervalMs = integerOr(options.interval, "interval", 10, 1) * 1000;
    const asLog = isTrue(options.printLog);
    const { clusterAddrTable } = await context.admin.clusters.examineBrokerClusterInfo();
    const clusters = options.cluster === undefined ? [...clusterAddrTable.keys()] : [options.cluster];
    const producer = new Producer(context.client, { producerGroup: String(context.now()) });
    if (!asLog) {
      context.print(
        format("%-24s  %-24s  %-4s  %-8s  %-8s", "#Cluster Name", "#Broker Name", "#RT", "#successCount", "#failCount"),
      );
    }
    for (;;) {
      for (const cluster of clusters) {
        const names = clusterAddrTable.get(cluster);
        if (names === undefined) throw new CommandError(`cluster [${cluster}] not exist`);
        for (const brokerName of names) {
          const { rt, succeeded, failed } = await measured(context, producer, { topic: brokerName, body }, amount);
          const row = format("%-24s  %-24s  %-8s  %-16s  %-16s", cluster, brokerName, format("%.2f", rt), succeeded, failed);
          const log = [beijing(context.now()), options.machineRoom ?? "noname", cluster, brokerName, Math.round(rt)];
          context.print(asLog ? log.join("|") : row);
          context.output.emit({ cluster, brokerName, rtMs: rt, succeeded, failed });
        }
      }
      await context.sleep(intervalMs);
    }
  },
});

/** The first send makes connection and route, and does not count in the time. */
async function measured(
  context: CommandContext,
  producer: Producer,
  message: { topic: string; body: Uint8Array },
  amount: number,
): Promise<{ rt: number; succeeded: number; failed: number }> {
  const clock = context.runtime.clock;
  let succeeded = 0;
  let failed = 0;
  let elapsed = 0;
  for (let i = 0; i < amount; i++) {
    const startedAt = clock.monotonic();
    try {
      await producer.send(message);
      succeeded++;
    } catch {
      failed++;
    }
    if (i > 0) elapsed += clock.monotonic() - startedAt;
  }
  return { rt: elapsed / (amount - 1), succeeded, failed };
}

/** Apache's log lines have the time of GMT+8, wherever they are printed. */
function beijing(timeMs: number): string {
  const offsetMs = new Date(timeMs).getTimezoneOffset() * 60_000;
  return dateTime(timeMs + offsetMs + 8 * 3_600_000);
}
