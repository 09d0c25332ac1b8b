import { describe, expect, test } from "bun:test";
import { liteTopicOf, lmqNameOf } from "../../core/broker/lite/lite_names.ts";
import { bucketOf } from "../../core/broker/lite/sharding.ts";
import { liteLags } from "../../core/broker/metrics/lag_metrics.ts";
import type { BrokerSettingsInput } from "../../core/broker/options.ts";
import type { LocalPeer } from "../../core/remoting/local_peer.ts";
import { encodeBatch } from "../../wire/batch.ts";
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
import { encodeUtf8 } from "../../wire/bytes.ts";
import { hashCode } from "../../wire/java_hash.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import { formatExtraInfo } from "../../wire/pop_info.ts";
import { propertyOf } from "../../wire/properties.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import { BrokerHarness, client, rejection, topicHeader } from "./management_harness.ts";

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
    for (const name of ["%LMQ%x", "%LMQ%$P", "%LMQ%$P$", "%LMQ%$$x", "%LMQ%$P$x$y", "P"])
      expect(liteTopicOf(name)).toBeUndefined();
  });

  test("hash to the queue that senders in Java choose", () => {
    const chosen = ["a", "lite-1", "order-4711", "", "ünï"].map((lite) =>
      [1, 2, 8, 16, 1000].map((n) => bucketOf(hashCode(lite), n)),
    );
    expect(chosen).toEqual([
      [0, 0, 0, 0, 346],
      [0, 1, 6, 6, 110],
      [0, 0, 3, 3, 400],
      [0, 0, 0, 0, 0],
      [0, 0, 4, 4, 402],
    ]);
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
    expect((await lite.pop({ maxMsgNum: 0 })).texts).toEqual([]);
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

  test("with news of other groups do not take each other's", async () => {
    const lite = await Lite.open();
    await lite.group("H");
    await lite.control("PARTIAL_ADD", ["a"]);
    // The same client id: a right to use one group is none to touch the clients of another.
    await lite.control("PARTIAL_ADD", ["a"], { group: "H" });
    await lite.send("a", "1");
    await lite.ackAll(await lite.pop());
    await lite.control("COMPLETE_REMOVE", [], { group: "G" });
    expect((await lite.pop({ consumerGroup: "H" })).texts).toEqual(["a 0 1"]);
    await lite.close();
  });

  test("go to one client of a shared group, and on to another when it does not ask", async () => {
    const lite = await Lite.open();
    for (const clientId of ["c1", "c2"]) await lite.control("PARTIAL_ADD", ["a"], { clientId });
    await lite.send("a", "1");
    const events = lite.harness.broker.lite.events;
    const [first, second] = events.hasEvents("c1", "G") ? ["c1", "c2"] : ["c2", "c1"];
    expect(events.hasEvents(second, "G")).toBe(false);
    await lite.clock.advance(11_000 + 10_000);
    expect(events.hasEvents(first, "G")).toBe(false);
    expect((await lite.pop({ clientId: second })).texts).toEqual(["a 0 1"]);
    await lite.close();
  });

  test("beyond the events of a client come by a full dispatch", async () => {
    const lite = await Lite.open({ liteEventCheckInterval: 1_000 }, { "lite.sub.client.max.event.cnt": "10" });
    const names = Array.from({ length: 14 }, (_, i) => `l${i}`);
    await lite.control("PARTIAL_ADD", names);
    for (const name of names) await lite.send(name, "1");
    const first = await lite.pop();
    expect(first.texts.length).toBe(10);
    await lite.ackAll(first);
    const rest = lite.pop({ pollTime: 30_000 });
    await lite.clock.advance(29_000);
    expect((await rest).texts.length).toBe(4);
    await lite.close();
  });

  test("are found with enableLiteEventMode=false too, and wake who waits", async () => {
    const lite = await Lite.open({ enableLiteEventMode: false });
    await lite.control("PARTIAL_ADD", ["a", "b"]);
    const waiting = lite.pop({ pollTime: 20_000 });
    await lite.clock.advance(10);
    await lite.send("b", "1");
    expect((await waiting).texts).toEqual(["b 0 1"]);
    await lite.close();
  });

  test("of a batch stand in their light queues", async () => {
    const lite = await Lite.open();
    await lite.control("PARTIAL_ADD", ["a", "b"]);
    const header = { producerGroup: "PG", topic: PARENT, defaultTopic: "TBW102", defaultTopicQueueNums: 4, queueId: 0 };
    const more = { sysFlag: 0, bornTimestamp: lite.clock.now(), flag: 0, properties: "", batch: true };
    const messages = ["a", "b", "a"].map((name, i) => ({
      flag: 0,
      body: encodeUtf8(`${i}`),
      properties: `__LITE_TOPIC\u0001${name}\u0002`,
    }));
    await lite.harness.call("SEND_BATCH_MESSAGE", { ...header, ...more }, encodeBatch(messages));
    expect((await lite.pop()).texts).toEqual(["a 0 0", "a 1 2", "b 0 1"]);
    await lite.close();
  });

  test("outlive a restart: what was not acknowledged is given again", async () => {
    const lite = await Lite.open();
    await lite.control("PARTIAL_ADD", ["a"]);
    for (const text of ["1", "2"]) await lite.send("a", text);
    const given = await lite.pop();
    await lite.ackAll({ ...given, acks: given.acks.slice(0, 1) });
    const after = new Lite(await lite.harness.restart(LMQ));
    expect((await after.pop()).texts).toEqual([]);
    await after.control("COMPLETE_ADD", ["a"]);
    expect((await after.pop()).texts).toEqual(["a 1 2"]);
    await after.close();
  });
});

describe("a send to a lite topic", () => {
  const refusal = async (lite: Lite, name: string): Promise<string> => {
    try {
      await lite.send(name, "x");
    } catch (fault) {
      return (fault as Error).message;
    }
    return "accepted";
  };

  test("is refused where no light queues are made, by the keys that make them", async () => {
    const lite = await Lite.open({ enableMultiDispatch: false });
    expect(await refusal(lite, "a")).toContain("enableLmq=true and enableMultiDispatch=true");
    await lite.close();
  });

  test("is refused for a name that is another light queue's, or beyond the quota", async () => {
    const lite = await Lite.open({ enableLmqQuota: true, maxLmqConsumeQueueNum: 2 });
    for (const name of ["a$b", "a,%LMQ%x", "a/b"]) expect(await refusal(lite, name)).not.toBe("accepted");
    expect(await refusal(lite, "x".repeat(300))).toContain("can't name a directory");
    expect(await refusal(lite, "a@b.c")).toBe("accepted");
    expect(await refusal(lite, "b")).toBe("accepted");
    expect(await refusal(lite, "c")).toContain("maxLmqConsumeQueueNum");
    await lite.close();
  });
});

describe("subscriptions", () => {
  const subscribed = (lite: Lite, clientId = "c1"): string[] =>
    [...(lite.harness.broker.lite.subscriptions.client(clientId, "G")?.lmqNames ?? [])].sort();

  test("are added, taken back, set as a whole and dropped; what is silent for too long goes", async () => {
    const lite = await Lite.open({ liteSubscriptionCheckInterval: 2_000, liteSubscriptionCheckTimeoutMills: 10_000 });
    await lite.control("PARTIAL_ADD", ["a", "b"]);
    await lite.send("a", "1");
    await lite.control("PARTIAL_REMOVE", ["a", "z"]);
    expect(subscribed(lite)).toEqual(["%LMQ%$P$b"]);
    expect((await lite.pop()).texts).toEqual([]);
    await lite.control("COMPLETE_ADD", ["c", "d"]);
    expect(subscribed(lite)).toEqual(["%LMQ%$P$c", "%LMQ%$P$d"]);
    expect(lite.harness.broker.lite.subscriptions.count).toBe(2);
    await lite.control("COMPLETE_REMOVE", []);
    expect(lite.harness.broker.lite.subscriptions.count).toBe(0);
    await lite.control("COMPLETE_ADD", ["c"]);
    await lite.clock.advance(8_000);
    await lite.control("COMPLETE_ADD", ["c"]);
    await lite.clock.advance(8_000);
    expect(subscribed(lite)).toEqual(["%LMQ%$P$c"]);
    await lite.clock.advance(5_000);
    expect(lite.harness.broker.lite.subscriptions.client("c1", "G")).toBeUndefined();
    await lite.close();
  });

  test("beyond maxLiteSubscriptionCount are refused as a whole, however they are asked for", async () => {
    const lite = await Lite.open({ maxLiteSubscriptionCount: 3 });
    await lite.control("PARTIAL_ADD", ["a", "b"]);
    expect(await rejection(lite.control("PARTIAL_ADD", ["c", "d"]))).toContain("maxLiteSubscriptionCount");
    expect(await rejection(lite.control("COMPLETE_ADD", ["a", "c"], { clientId: "c2" }))).toContain("quota exceeded 3");
    expect(subscribed(lite)).toEqual(["%LMQ%$P$a", "%LMQ%$P$b"]);
    await lite.control("COMPLETE_ADD", ["x", "y", "z"]);
    expect(lite.harness.broker.lite.subscriptions.count).toBe(3);
    await lite.close();
  });

  test("with names beyond all bounds, or without any, are refused or passed over", async () => {
    const lite = await Lite.open();
    const long = "x".repeat(300);
    for (const more of [{ clientId: long }, { group: long }, { topic: long }]) {
      expect(await rejection(lite.control("PARTIAL_ADD", ["a"], more))).not.toBe("");
    }
    expect(await rejection(lite.control("PARTIAL_ADD", [long]))).toContain("more than 255 bytes");
    expect(await rejection(lite.control("PARTIAL_ADD", ["a$b"]))).toContain("which no lite topic may");
    await lite.control("PARTIAL_ADD", ["a"], { clientId: " " });
    await lite.control("PARTIAL_REMOVE", ["a"], { clientId: "unknown" });
    expect(lite.harness.broker.lite.subscriptions.count).toBe(0);
    await lite.close();
  });

  test("of an exclusive group are taken from the client that had them, who is told", async () => {
    const lite = await Lite.open({}, { "lite.sub.model": "Exclusive", "lite.sub.reset.offset.exclusive": "true" });
    const former = client();
    await lite.control("PARTIAL_ADD", ["a", "b"], {}, former);
    await lite.send("a", "1");
    await lite.ackAll(await lite.pop());
    await lite.control("PARTIAL_ADD", ["a"], { clientId: "c2" });
    expect(subscribed(lite)).toEqual(["%LMQ%$P$b"]);
    expect(former.received.map(({ name, header }) => ({ name, header }))).toEqual([
      { name: "NOTIFY_UNSUBSCRIBE_LITE", header: { liteTopic: "a", consumerGroup: "G", clientId: "c1" } },
    ]);
    expect((await lite.pop({ clientId: "c2" })).texts).toEqual(["a 0 1"]);
    await lite.close();
  });

  test("begin where they ask to", async () => {
    const lite = await Lite.open();
    for (const text of ["0", "1", "2", "3"]) {
      await lite.send("a", text);
      await lite.clock.advance(1_000);
    }
    const began = lite.clock.now() - 4_000;
    await lite.control("PARTIAL_ADD", ["a"]);
    await lite.ackAll(await lite.pop());
    const from = async (type: "POLICY" | "OFFSET" | "TAIL_N" | "TIMESTAMP", value: number): Promise<string[]> => {
      await lite.control("COMPLETE_REMOVE", []);
      await lite.control("PARTIAL_ADD", ["a"], { offsetOption: { type, value } });
      const popped = await lite.pop();
      await lite.ackAll(popped);
      return popped.texts.map((text) => text.split(" ")[2] as string);
    };
    expect(await from("POLICY", 1)).toEqual(["0", "1", "2", "3"]);
    expect(await from("OFFSET", 2)).toEqual(["2", "3"]);
    expect(await from("TAIL_N", 1)).toEqual(["3"]);
    expect(await from("TIMESTAMP", began + 900)).toEqual(["1", "2", "3"]);
    expect(await from("POLICY", 0)).toEqual([]);
    expect(await from("POLICY", 2)).toEqual([]);
    await lite.close();
  });

  test("of a wildcard group are all lite topics of the parent", async () => {
    const lite = await Lite.open({}, { "lite.sub.wildcard": "true" });
    await lite.send("before", "1");
    await lite.control("COMPLETE_ADD", []);
    await lite.send("a", "2");
    expect((await lite.pop()).texts).toEqual(["a 0 2"]);
    await lite.clock.advance(11_000);
    expect((await lite.pop()).texts).toEqual(["before 0 1"]);
    expect(await rejection(lite.control("PARTIAL_ADD", ["a"]))).toContain("lite.sub.wildcard");
    await lite.close();
  });
});

describe("lite topics end", () => {
  const QUICK = { minLiteTTl: 10_000, liteTtlCheckInterval: 5_000 };
  const queues = (lite: Lite): string[] =>
    [...lite.harness.broker.store.queues().keys()].filter((name) => name.startsWith("%LMQ%"));

  test("when nothing was sent for lite.topic.expiration, with offsets and subscriptions; what is sent later begins at 0", async () => {
    const lite = await Lite.open(QUICK);
    await lite.parent("+lite.topic.expiration=1");
    await lite.control("PARTIAL_ADD", ["old", "new"]);
    await lite.send("old", "1");
    await lite.send("new", "1");
    await lite.ackAll(await lite.pop());
    await lite.clock.advance(45_000);
    await lite.send("new", "2");
    expect(queues(lite).length).toBe(2);
    await lite.clock.advance(30_000);
    expect(queues(lite)).toEqual(["%LMQ%$P$new"]);
    expect(lite.harness.broker.offsets.query("G", "%LMQ%$P$old", 0)).toBe(-1);
    await lite.send("old", "2");
    await lite.control("PARTIAL_ADD", ["old"]);
    expect((await lite.pop()).texts).toContain("old 0 2");
    await lite.close();
  });

  test("never without lite.topic.expiration, nor by CLEAN_UNUSED_TOPIC; but with their parent", async () => {
    const lite = await Lite.open(QUICK);
    await lite.parent("+lite.topic.expiration=-1");
    await lite.send("a", "1");
    await lite.clock.advance(120_000);
    await lite.harness.call("CLEAN_UNUSED_TOPIC", {});
    expect(queues(lite)).toEqual(["%LMQ%$P$a"]);
    await lite.harness.call("DELETE_TOPIC_IN_BROKER", { topic: PARENT });
    expect(queues(lite)).toEqual([]);
    await lite.close();
  });
});

describe("what administrators are told", () => {
  test("of broker, parent, lite topic, client and group", async () => {
    const lite = await Lite.open();
    const { harness } = lite;
    await lite.control("PARTIAL_ADD", ["a", "b"]);
    for (const text of ["1", "2", "3"]) await lite.send("a", text);
    const popped = await lite.pop();
    await lite.ackAll({ ...popped, acks: popped.acks.slice(0, 1) });
    const broker = getBrokerLiteInfoResponseBody.decode((await harness.call("GET_BROKER_LITE_INFO", {})).body as Uint8Array);
    expect(broker).toMatchObject({
      storeType: "default",
      currentLmqNum: 1,
      liteSubscriptionCount: 2,
      orderInfoCount: 1,
      eventMapSize: 1,
    });
    expect([...(broker.topicMeta ?? [])]).toEqual([[PARENT, 30]]);
    const parent = getParentTopicInfoResponseBody.decode(
      (await harness.call("GET_PARENT_TOPIC_INFO", { topic: PARENT })).body as Uint8Array,
    );
    expect(parent).toEqual({ topic: PARENT, ttl: 30, groups: new Set(["G"]), lmqNum: 1, liteTopicCount: 1 });
    const topic = getLiteTopicInfoResponseBody.decode(
      (await harness.call("GET_LITE_TOPIC_INFO", { parentTopic: PARENT, liteTopic: "a" })).body as Uint8Array,
    );
    expect(topic.subscriber).toEqual([{ clientId: "c1", group: "G" }]);
    expect(topic.topicOffset).toMatchObject({ minOffset: 0, maxOffset: 3 });
    expect(topic.shardingToBroker).toBe(true);
    const one = getLiteClientInfoResponseBody.decode(
      (await harness.call("GET_LITE_CLIENT_INFO", { parentTopic: PARENT, group: "G", clientId: "c1", maxCount: 1 }))
        .body as Uint8Array,
    );
    expect(one).toMatchObject({ liteTopicCount: 2, liteTopicSet: new Set(["%LMQ%$P$a"]) });
    const group = getLiteGroupInfoResponseBody.decode(
      (await harness.call("GET_LITE_GROUP_INFO", { group: "G", topK: 5 })).body as Uint8Array,
    );
    expect(group.totalLagCount).toBe(2);
    expect(group.lagCountTopK?.map(({ liteTopic, lagCount }) => `${liteTopic} ${lagCount}`)).toEqual(["a 2"]);
    const lag = getLiteGroupInfoResponseBody.decode(
      (await harness.call("GET_LITE_GROUP_INFO", { group: "G", liteTopic: "a" })).body as Uint8Array,
    );
    expect(lag.liteTopicOffsetWrapper).toMatchObject({ brokerOffset: 3, consumerOffset: 1 });
    await harness.call("TRIGGER_LITE_DISPATCH", { group: "G" });
    await lite.close();
  });

  test("by metrics, where they are asked for", async () => {
    const lite = await Lite.open({ liteLagCountMetricsEnable: true, liteLagLatencyMetricsEnable: true });
    await lite.control("PARTIAL_ADD", ["a", "b"]);
    const began = lite.clock.now();
    for (const name of ["a", "a", "b"]) {
      await lite.send(name, "x");
      await lite.clock.advance(1_000);
    }
    await lite.pop();
    expect(await liteLags(lite.harness.broker)).toEqual([{ group: "G", topic: PARENT, count: 3, oldest: began }]);
    await lite.close();
  });

  test("a pull and a search by time may name a lite topic", async () => {
    const lite = await Lite.open();
    for (const [name, text] of [
      ["a", "1"],
      ["b", "2"],
      ["a", "3"],
    ] as const)
      await lite.send(name, text);
    const pull = await lite.harness.call("PULL_MESSAGE", {
      consumerGroup: "G",
      topic: PARENT,
      liteTopic: "a",
      queueId: 0,
      queueOffset: 1,
      maxMsgNums: 32,
      sysFlag: 4,
      commitOffset: 0,
      suspendTimeoutMillis: 0,
      subVersion: 0,
      subscription: "*",
    });
    expect(decodeRecords(pull.body as Uint8Array).map(({ body }) => new TextDecoder().decode(body))).toEqual(["3"]);
    const search = { topic: PARENT, queueId: 0, timestamp: lite.clock.now() + 1_000 };
    expect((await lite.harness.call("SEARCH_OFFSET_BY_TIMESTAMP", { ...search, liteTopic: "a" })).header?.offset).toBe(2);
    expect((await lite.harness.call("SEARCH_OFFSET_BY_TIMESTAMP", { ...search, liteTopic: "z" })).header?.offset).toBe(0);
    await lite.close();
  });
});
