/** sendMsgStatus: sends to the topic that has a broker's name, and says how long each took. */
import { Producer } from "../../../core/client/mod.ts";
import { command, optional, required } from "../declaration.ts";
import { sendResultText } from "../send_result.ts";
import { integerOr } from "../values.ts";

export const sendMsgStatus = command({
  name: "sendMsgStatus",
  package: "broker",
  description: "Send msg to broker.",
  options: {
    brokerName: required("b", "Broker Name e.g. clusterName_brokerName as DefaultCluster_broker-a"),
    messageSize: optional("s", "Message Size, Default: 128"),
    count: optional("c", "send message count, Default: 50"),
  },
  example: "-n 127.0.0.1:9876 -b broker-a -s 128 -c 5",
  async run(context, { brokerName, messageSize, count }) {
    const body = new Uint8Array(integerOr(messageSize, "messageSize", 128, 1)).fill(0x61);
    const producer = new Producer(context.client, { producerGroup: "PID_SMSC" });
    // The first makes the connection, and does not count.
    await producer.send({ topic: brokerName, body: body.subarray(0, 16) });
    const sent = [];
    for (let i = integerOr(count, "count", 50, 0); i > 0; i--) {
      const startedAt = context.runtime.clock.monotonic();
      const result = await producer.send({ topic: brokerName, body });
      const rtMs = Math.round(context.runtime.clock.monotonic() - startedAt);
      context.print(`rt=${rtMs}ms, SendResult=${sendResultText(result)}`);
      sent.push({ rtMs, ...result });
    }
    return sent;
  },
});
