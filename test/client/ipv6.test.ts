/** A producer and consumers that meet nameserver and broker over IPv6 and nothing else, on real sockets. */
import { expect, test } from "bun:test";
import { memoryRuntime } from "../../adapters/sim/memory.ts";
import { ClientInstance, Producer, PushConsumer, SimpleConsumer } from "../../core/client/mod.ts";
import { settingsWith } from "../../core/config.ts";
import { NameServer } from "../../core/namesrv/namesrv.ts";
import { namesrvOptions } from "../../core/namesrv/options.ts";
import { endpointText } from "../../core/remoting/connection.ts";
import { silentLog, startRocketMQ } from "../../mod.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { Collector } from "./harness.ts";

const host = await hostRuntime();
const hasIpv6 = host.system.interfaces().some((each) => each.host === "::1");

test.skipIf(!hasIpv6)("send, push and POP over ::1", async () => {
  const runtime = { ...memoryRuntime(host), net: host.net, dns: host.dns };
  const settings = settingsWith(
    namesrvOptions,
    { kvConfigPath: "/kv.json", configStorePath: "/namesrv.properties" },
    host.system,
  );
  const nameServer = new NameServer({ runtime, log: silentLog, settings, listen: [{ host: "::1", port: 0 }] });
  const [address] = await nameServer.start();
  const namesrvAddr = endpointText(address!);
  expect(namesrvAddr).toStartWith("[::1]:");
  const rocketmq = await startRocketMQ({ listen: true, broker: { bindAddress: "::1", brokerIP1: "::1", namesrvAddr } });
  const client = new ClientInstance({ runtime: host, namesrvAddr });
  try {
    const { msgId, offsetMsgId } = await new Producer(client, { producerGroup: "pg" }).send({ topic: "T", body: "over six" });
    // Sixteen bytes of address, four of port, eight of offset.
    expect(offsetMsgId).toHaveLength(56);
    const pushed = new Collector<string>();
    const push = new PushConsumer(client, {
      consumerGroup: "push",
      subscription: { T: "*" },
      consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    });
    await push.start((message) => pushed.add(`${message.msgId} ${message.storeHost}`));
    await pushed.until(1);
    expect(pushed.items[0]).toStartWith(`${msgId} `);
    expect(pushed.items[0]).toContain("::1");
    const simple = new SimpleConsumer(client, { consumerGroup: "simple", subscription: { T: "*" } });
    const [popped] = await simple.receive({ maxMessages: 1, awaitDuration: 10_000 });
    expect(popped?.text()).toBe("over six");
    await simple.acknowledge(popped!);
  } finally {
    await client.close();
    await rocketmq.close();
    await nameServer.stop();
  }
});
