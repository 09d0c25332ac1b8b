/** producer: every producer that a broker knows, by group. */
import { type Command, command, required } from "../declaration.ts";

const producer = command({
  name: "producer",
  package: "producer",
  description: "Query producer's instances, connection, status, etc.",
  options: { broker: required("b", "broker address") },
  example: "-b 127.0.0.1:10911",
  async run(context, { broker }) {
    const { data } = await context.admin.connections.getAllProducerInfo(broker);
    for (const [group, producers] of data) {
      if (producers.length === 0) context.print(`producer group (${group}) instances are empty`);
      for (const { clientId, remoteIP, language, version, lastUpdateTimestamp } of producers) {
        context.print(
          `producer group (${group}) instance : clientId=${clientId},remoteIP=${remoteIP}, language=${language}, ` +
            `version=${version}, lastUpdateTimestamp=${lastUpdateTimestamp}`,
        );
      }
    }
    return data;
  },
});

export const producerCommands: readonly Command[] = [producer];
