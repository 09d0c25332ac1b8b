/** A user's program: every door of the installed package, a message sent and received in memory. Ends by itself. */
import { ResponseCode, type RocketMQ, startRocketMQ } from "edgemq";
import { type ClientInstance, type MessageExt, type MQClientError, Producer, PushConsumer, type SendResult } from "edgemq/client";
import { memoryRuntime } from "edgemq/memory";

const host = async () => {
  if ("Bun" in globalThis) return (await import("edgemq/bun")).bunRuntime();
  if ("Deno" in globalThis) return (await import("edgemq/deno")).denoRuntime();
  return (await import("edgemq/node")).nodeRuntime();
};
const runtime = await host();
const rocketmq: RocketMQ = await startRocketMQ({ runtime, broker: { fileReservedTime: 1 } });
const client: ClientInstance = rocketmq.client();
const producer = new Producer(client, { producerGroup: "pg" });
const sent: SendResult = await producer.send({ topic: "T", body: "hello", tags: "A" });
const consumer = new PushConsumer(client, {
  consumerGroup: "cg",
  subscription: { T: "A" },
  consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
});
const texts: string[] = [];
for await (const message of consumer) {
  const got: MessageExt = message;
  texts.push(got.text());
  break;
}
const kind = await producer.send({ topic: "no topic", body: "x" }).then(
  () => "sent",
  (fault: MQClientError) => fault.kind,
);
await rocketmq.close();
console.log(`${runtime.name} ${memoryRuntime(runtime).name} ${sent.sendStatus} ${texts.join()} ${kind} ${ResponseCode.SUCCESS}`);
