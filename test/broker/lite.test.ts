import { describe, expect, test } from "bun:test";
import type { BrokerSettingsInput } from "../../core/broker/options.ts";
import { bucketOf } from "../../core/broker/lite/sharding.ts";
import { liteTopicOf, lmqNameOf } from "../../core/broker/lite/lite_names.ts";
import type { LocalPeer } from "../../core/remoting/local_peer.ts";
import {
  getBrokerLiteInfoResponseBody,
  getLiteClientInfoResponseBody,
  getLiteGroupInfoResponseBody,
  getLiteTopicInfoResponseBody,
  getParentTopicInfoResponseBody,
  type LiteSubscriptionDTO,
  liteSubscriptionCtlRequestBody,
} from "../../wire/bodies/lite.ts";
import { subscriptionGroupConfig } from "../../wire/bodies/subscription_group.ts";
import { hashCode } from "../../wire/java_hash.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import { formatExtraInfo } from "../../wire/pop_info.ts";
import { propertyOf } from "../../wire/properties.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import { BrokerHarness, client, topicHeader } from "./management_harness.ts";

const LMQ: BrokerSettingsInput = { enableLmq: true, enableMultiDispatch: true };
const PARENT = "P";

type PopHeader = RequestHeaderOf<"POP_LITE_MESSAGE">;

interface Popped {
  readonly code: number;
  /** `lite offset body` */
  readonly texts: string[];
  readonly counts: string | undefined;
  readonly acks: RequestHeaderOf<"ACK_MESSAGE">[];
}

class Lite {
  readonly harness: BrokerHarness;

  constructor(harness: BrokerHarness) {
    this.harness = harness;
  }

  static async open(settings: BrokerSettingsInput = {}, group: Record<string, string> = {}): Promise<Lite> {
    const lite = new Lite(await BrokerHarness.start({ settings: { ...LMQ, ...settings } }));
    await lite.parent("+message.type=LITE,+lite.topic.expiration=30");
    await lite.group("G", group);
    return lite;
  }

  async parent(attributes: string, topic = PARENT): Promise<void> {
    await this.harness.call("UPDATE_AND_CREATE_TOPIC", topicHeader(topic, { attributes }));
  }

  async group(groupName: string, attributes: Record<string, string> = {}): Promise<void> {
    const signed = Object.entries({ "lite.bind.topic": PARENT, ...attributes }).map(([key, value]) => [`+${key}`, value]);
    const config = { ...subscriptionGroupConfig.read({}, ""), groupName, attributes: Object.fromEntries(signed) };
    await this.harness.call("UPDATE_AND_CREATE_SUBSCRIPTIONGROUP", {}, subscriptionGroupConfig.encode(config));
  }

  get clock() {
    return this.harness.runtime.clock;
  }

  async send(lite: string, text: string, topic = PARENT): Promise<void> {
    const header = {
      producerGroup: "PG",
      topic,
      defaultTopic: "TBW102",
      defaultTopicQueueNums: 4,
      queueId: 0,
      sysFlag: 0,
      bornTimestamp: this.clock.now(),
      flag: 0,
      properties: `__LITE_TOPIC\u0001${lite}\u0002`,
    };
    await this.harness.call("SEND_MESSAGE", header, text);
  }

  control(
    action: LiteSubscriptionDTO["action"],
    lites: string[],
    more: Partial<LiteSubscriptionDTO> = {},
    peer?: LocalPeer,
  ): Promise<unknown> {
    const dto = { action, clientId: "c1", group: "G", topic: PARENT, liteTopicSet: new Set(lites), version: 0, ...more };
    const body = liteSubscriptionCtlRequestBody.encode({ subscriptionSet: [dto] });
    return this.harness.call("LITE_SUBSCRIPTION_CTL", {}, body, peer === undefined ? {} : { peer });
  }

  async pop(more: Partial<PopHeader> = {}): Promise<Popped> {
    const header: PopHeader = {
      clientId: "c1",
      consumerGroup: "G",
      topic: PARENT,
      maxMsgNum: 32,
      invisibleTime: 60_000,
      pollTime: 0,
      bornTime: this.clock.now(),
      ...more,
    };
    const reply = await this.harness.call("POP_LITE_MESSAGE", header);
    const { popTime = 0, invisibleTime = 0, reviveQid = 0, orderCountInfo } = reply.header ?? {};
    const found = decodeRecords(reply.body ?? new Uint8Array(0)).map(({ properties, body }) => ({
      lite: propertyOf(properties, "__LITE_TOPIC") ?? "",
      offset: Number(propertyOf(properties, "INNER_MULTI_QUEUE_OFFSET")),
      text: new TextDecoder().decode(body),
    }));
    return {
      code: reply.code ?? 0,
      texts: found.map(({ lite, offset, text }) => `${lite} ${offset} ${text}`),
      counts: orderCountInfo,
      acks: found.map(({ lite, offset }) => ({
        consumerGroup: header.consumerGroup,
        topic: PARENT,
        queueId: 0,
        offset,
        liteTopic: lite,
        extraInfo: formatExtraInfo({
          ckQueueOffset: 0,
          popTime,
          invisibleTime,
          reviveQid,
          flag: "0",
          brokerName: "broker-a",
          queueId: 0,
          msgQueueOffset: offset,
        }),
      })),
    };
  }

  async ackAll({ acks }: Popped): Promise<void> {
    for (const ack of acks) await this.harness.call("ACK_MESSAGE", ack);
  }

  close(): Promise<void> {
    return this.harness.broker.stop();
  }
}

describe("names of lite topics", () => {
  test("make the light queue and come back from it", () => {
    expect(lmqNameOf("P", "a@b")).toBe("%LMQ%$P$a@b");
    expect(liteTopicOf("%LMQ%$P$a@b")).toEqual({ parent: "P", lite: "a@b" });
    for (const name of ["%LMQ%x", "%LMQ%$P", "%LMQ%$P$", "%LMQ%$$x", "%LMQ%$P$x$y", "P"]) expect(liteTopicOf(name)).toBeUndefined();
  });

  test("hash to the queue that senders in Java choose", () => {
    const chosen = ["a", "lite-1", "order-4711", "", "ünï"].map((lite) => [1, 2, 8, 16, 1000].map((n) => bucketOf(hashCode(lite), n)));
    expect(chosen).toEqual([]);
  });
});

describe("messages of lite topics", () => {
  test("are popped by who subscribed, in order, several lite topics at once, and block until acknowledged", async () => {
    const lite = await Lite.open();
    await lite.control("PARTIAL_ADD", ["a", "b"]);
    for (const text of ["1", "2"]) for (const name of ["a", "b", "c"]) await lite.send(name, text);
    const first = await lite.pop();
    expect(first.texts).toEqual(["a 0 1", "a 1 2", "b 0 1", "b 1 2"]);
    expect(first.counts).toBe("0;0;0;0");
    await lite.send("a", "3");
    expect((await lite.pop()).texts).toEqual([]);
    await lite.ackAll(first);
    expect((await lite.pop()).texts).toEqual(["a 2 3"]);
    await lite.close();
  });

  test("that are not acknowledged come again with their count, those that were do not", async () => {
    const lite = await Lite.open();
    await lite.control("PARTIAL_ADD", ["a"]);
    for (const text of ["1", "2", "3"]) await lite.send("a", text);
    const first = await lite.pop({ invisibleTime: 5_000 });
    await lite.harness.call("ACK_MESSAGE", first.acks[0] as RequestHeaderOf<"ACK_MESSAGE">);
    await lite.clock.advance(5_100);
    await lite.send("a", "4");
    const second = await lite.pop();
    expect(second.texts).toEqual(["a 1 2", "a 2 3", "a 3 4"]);
    expect(second.counts).toBe("1;1;0");
    await lite.ackAll(second);
    expect((await lite.pop()).texts).toEqual([]);
    await lite.close();
  });

  test("wake a POP that waits, as does the end of an invisible time", async () => {
    const lite = await Lite.open();
    await lite.control("PARTIAL_ADD", ["a"]);
    const waiting = lite.pop({ pollTime: 20_000, invisibleTime: 3_000 });
    await lite.clock.advance(1_000);
    await lite.send("a", "1");
    expect((await waiting).texts).toEqual(["a 0 1"]);
    const again = lite.pop({ pollTime: 20_000 });
    await lite.clock.advance(3_500);
    expect((await again).texts).toEqual(["a 0 1"]);
    const none = lite.pop({ pollTime: 2_000 });
    await lite.clock.advance(2_500);
    expect((await none).code).toBe(210);
    await lite.close();
  });
});
