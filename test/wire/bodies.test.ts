import { describe, expect, test } from "bun:test";
import { deflateSync, inflateSync } from "node:zlib";
import * as assignment from "../../wire/bodies/assignment.ts";
import * as auth from "../../wire/bodies/auth.ts";
import * as client from "../../wire/bodies/client.ts";
import * as connection from "../../wire/bodies/connection.ts";
import * as consumeQueue from "../../wire/bodies/consume_queue.ts";
import * as consumeStats from "../../wire/bodies/consume_stats.ts";
import * as controller from "../../wire/bodies/controller.ts";
import * as ha from "../../wire/bodies/ha.ts";
import * as heartbeat from "../../wire/bodies/heartbeat.ts";
import * as kvTables from "../../wire/bodies/kv_table.ts";
import * as lite from "../../wire/bodies/lite.ts";
import * as lock from "../../wire/bodies/lock.ts";
import * as queue from "../../wire/bodies/message_queue.ts";
import * as offset from "../../wire/bodies/offset.ts";
import * as pop from "../../wire/bodies/pop.ts";
import * as register from "../../wire/bodies/register_broker.ts";
import * as route from "../../wire/bodies/route.ts";
import * as runningInfo from "../../wire/bodies/running_info.ts";
import * as staticTopic from "../../wire/bodies/static_topic.ts";
import * as stats from "../../wire/bodies/stats.ts";
import * as subscription from "../../wire/bodies/subscription.ts";
import * as group from "../../wire/bodies/subscription_group.ts";
import * as topic from "../../wire/bodies/topic.ts";
import type { BodyCodec } from "../../wire/body.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { WireError } from "../../wire/errors.ts";
import { JsonMap, type JsonValue, parseJson } from "../../wire/json.ts";
import { formatJson } from "../../wire/json_writer.ts";
import { V4_9_4, VERSION_CURRENT } from "../../wire/version.ts";
import { bytesOf, goldenRows } from "./golden.ts";

const isCodec = (value: unknown): value is BodyCodec<unknown> =>
  typeof value === "object" && value !== null && "decode" in value && "format" in value;

const modules: object[] = [
  assignment,
  auth,
  client,
  connection,
  consumeQueue,
  consumeStats,
  controller,
  ha,
  heartbeat,
  kvTables,
  lite,
  lock,
  queue,
  offset,
  pop,
  register,
  route,
  runningInfo,
  staticTopic,
  stats,
  subscription,
  group,
  topic,
];

const codecs = new Map<string, BodyCodec<unknown>>();
for (const module of modules) {
  for (const value of Object.values(module)) if (isCodec(value)) codecs.set(value.name, value);
}
codecs.set("UnlockBatchRequestBody", codecs.get("LockBatchRequestBody") as BodyCodec<unknown>);

const rows = goldenRows("bodies.txt").map(([name = "", form = "", json = ""]) => ({ name, form, json }));
const inForm = (form: string) => rows.filter((row) => row.form === form);

/** Derived members of QueueTimeSpan that Java writes in local time and never reads. */
const withoutDerived = (json: string): string => json.replace(/,"\w+TimeStampStr":"[^"]*"/g, "");

/** With sorted keys: the order of Java's hash maps has no meaning. */
function canonical(value: JsonValue): string {
  if (Array.isArray(value)) return `[${(value as JsonValue[]).map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return formatJson(value);
  const entries = value instanceof JsonMap ? value.entries : Object.entries(value);
  return `{${entries
    .map(([key, each]) => `${canonical(key)}:${canonical(each as JsonValue)}`)
    .sort()
    .join(",")}}`;
}

/** The same text but for the order of keys: the same values, and as many characters. */
function expectSameJson(ours: string, java: string): void {
  expect(canonical(parseJson(ours))).toBe(canonical(parseJson(java)));
  expect(ours.length).toBe(java.length);
}

function codecOf(name: string): BodyCodec<unknown> {
  const codec = codecs.get(name);
  if (codec === undefined) throw new Error(`no codec for ${name}`);
  return codec;
}

describe("every body class of 5.5.0, as Java writes it", () => {
  test.each(inForm("plain"))("$name", ({ name, json }) => {
    const codec = codecOf(name);
    const value = codec.decode(encodeUtf8(json));
    expectSameJson(codec.format(value), withoutDerived(json));
  });

  test.each(inForm("pretty"))("$name, as a config file", ({ name, json }) => {
    const text = json.replaceAll("\\n", "\n").replaceAll("\\t", "\t");
    const codec = codecOf(name);
    expectSameJson(codec.format(codec.parse(text), { pretty: true }), text);
  });

  test.each(goldenRows("config.txt").map(([name = "", json = ""]) => ({ name, json })))(
    "$name, of a running broker",
    ({ name, json }) => {
      const codec = codecOf(name);
      expect(codec.format(codec.parse(json))).toBe(json);
      expect(codec.parse(codec.format(codec.parse(json), { pretty: true }))).toEqual(codec.parse(json));
    },
  );

  test("a route for clients that read only standard JSON", () => {
    const plain = inForm("plain").find(({ name }) => name === "TopicRouteData")?.json ?? "";
    const strict = inForm("strict")[0]?.json ?? "";
    expect(route.topicRouteData.format(route.topicRouteData.parse(plain), route.ROUTE_STRICT)).toBe(strict);
    expect(route.topicRouteData.format(route.topicRouteData.parse(strict), route.ROUTE_STRICT)).toBe(strict);
  });
});

describe("RegisterBrokerBody, compressed", () => {
  const inflate = (bytes: Uint8Array, bytesMax: number): Uint8Array => inflateSync(bytes, { maxOutputLength: bytesMax });
  const deflate = (bytes: Uint8Array, level: number): Uint8Array => deflateSync(bytes, { level });
  const compressed = bytesOf(inForm("compressed")[0]?.json ?? "");
  const expected = inForm("decompressed")[0]?.json ?? "";

  test("Java's is read as Java reads it", () => {
    const body = register.decodeRegisterBrokerBody(compressed, VERSION_CURRENT, inflate);
    // The mapping's own DataVersion does not travel in this form; Java's reader makes up the time of reading.
    const withoutMade = (json: string): string => json.replace(/"mappingDataVersion":\{[^}]*\},/, "");
    expectSameJson(withoutMade(register.registerBrokerBody.format(body)), withoutMade(expected));
  });

  test("ours is read back", () => {
    const body = register.decodeRegisterBrokerBody(compressed, VERSION_CURRENT, inflate);
    const again = register.encodeCompressedRegisterBroker(body, deflate);
    expect(register.decodeRegisterBrokerBody(again, VERSION_CURRENT, inflate)).toEqual(body);
  });

  test("a broker before 5.0 sends no mappings", () => {
    const body = register.decodeRegisterBrokerBody(compressed, V4_9_4, inflate);
    expect(body.topicConfigSerializeWrapper.topicQueueMappingInfoMap.size).toBe(0);
    expect(body.topicConfigSerializeWrapper.topicConfigTable.size).toBe(2);
  });

  test("plain JSON is told by its first byte", () => {
    const plain = inForm("plain").find(({ name }) => name === "RegisterBrokerBody")?.json ?? "";
    const body = register.decodeRegisterBrokerBody(encodeUtf8(plain), VERSION_CURRENT, inflate);
    expect(register.registerBrokerBody.format(body)).toBe(plain);
  });

  test("cut at every length of the inflated sections", () => {
    const inflated = inflate(compressed, 1 << 20);
    for (let length = 0; length < inflated.length; length++) {
      const cut = (): unknown =>
        register.decodeCompressedRegisterBroker(new Uint8Array(1), VERSION_CURRENT, () => inflated.subarray(0, length));
      expect(cut).toThrow(WireError);
    }
  });

  test("a stream that does not inflate", () => {
    const broken = compressed.slice(0, compressed.length - 8);
    expect(() => register.decodeRegisterBrokerBody(broken, VERSION_CURRENT, inflate)).toThrow(WireError);
  });

  test.each(["", "T1", "T1 4 4 6", "T1 4 4 6 NEITHER", "T1 -4 4 6 SINGLE_TAG", "T1 4 x 6 SINGLE_TAG", " 4 4 6 SINGLE_TAG"])(
    "the topic line %j is refused",
    (line) => {
      expect(() => register.parseTopic(line)).toThrow(WireError);
    },
  );

  test("a topic line of a broker before 5.0 has no attributes", () => {
    expect(register.parseTopic("T1 4 8 6 MULTI_TAG")).toEqual({
      topicName: "T1",
      readQueueNums: 4,
      writeQueueNums: 8,
      perm: 6,
      topicFilterType: "MULTI_TAG",
      topicSysFlag: 0,
      order: false,
      attributes: {},
    });
  });
});

describe("what real clients send beside Java's form", () => {
  test("ordinals for enums, numbers as text (C++)", () => {
    const { consumerDataSet } = heartbeat.heartbeatData.parse(
      '{"clientID":"c","consumerDataSet":[{"groupName":"g","consumeType":1,"messageModel":1,"consumeFromWhere":4,' +
        '"subscriptionDataSet":[{"topic":"t","subString":"*","subVersion":"1795225251874"}]}]}',
    );
    expect(consumerDataSet[0]).toMatchObject({
      consumeType: "CONSUME_PASSIVELY",
      messageModel: "CLUSTERING",
      consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    });
    expect(consumerDataSet[0]?.subscriptionDataSet[0]?.subVersion).toBe(1795225251874);
  });

  test("quoted and bare integer keys", () => {
    for (const json of ['{"brokerAddrs":{"0":"a","1":"b"}}', '{"brokerAddrs":{0:"a",1:"b"}}']) {
      expect([...route.brokerData.parse(json).brokerAddrs]).toEqual([
        [0, "a"],
        [1, "b"],
      ]);
    }
  });

  test("object keys as objects and as text", () => {
    const expected = [[{ topic: "t", brokerName: "b", queueId: 1 }, 7]];
    for (const json of [
      '{"offsetTable":{{"brokerName":"b","queueId":1,"topic":"t"}:7}}',
      '{"offsetTable":{"{\\"brokerName\\":\\"b\\",\\"queueId\\":1,\\"topic\\":\\"t\\"}":7}}',
    ]) {
      expect(offset.resetOffsetBody.parse(json).offsetTable as unknown[]).toEqual(expected);
    }
  });

  test("offsets beyond 2^53 are clamped, beyond int64 refused", () => {
    const { offsetTable } = offset.consumerOffsetSerializeWrapper.parse(
      '{"offsetTable":{"t@g":{0:9223372036854775807,1:-9223372036854775808,2:9007199254740991}}}',
    );
    expect([...(offsetTable.get("t@g") ?? [])]).toEqual([
      [0, Number.MAX_SAFE_INTEGER],
      [1, Number.MIN_SAFE_INTEGER],
      [2, Number.MAX_SAFE_INTEGER],
    ]);
    expect(() => offset.consumerOffsetSerializeWrapper.parse('{"offsetTable":{"t@g":{0:9223372036854775808}}}')).toThrow(
      WireError,
    );
  });

  test("null members read as absent, unknown ones are passed over, names like __proto__ are names", () => {
    const config = topic.topicConfig.parse('{"topicName":"T","perm":null,"unknown":{"x":[1]},"attributes":{"__proto__":"x"}}');
    expect(config.perm).toBe(6);
    expect(config.readQueueNums).toBe(16);
    expect(Object.keys(config.attributes)).toEqual(["__proto__"]);
    expect(topic.topicConfig.format(config)).toContain('"attributes":{"__proto__":"x"}');
  });
});

describe("a wrong kind names class and field", () => {
  test.each([
    ['{"perm":"six"}', 'TopicConfig.perm: "six" is not an int32'],
    ['{"perm":2147483648}', "TopicConfig.perm: 2147483648 is not an int32"],
    ['{"perm":1.5}', "TopicConfig.perm: 1.5 is not an int32"],
    ['{"order":"yes"}', 'TopicConfig.order: "yes" is not true or false'],
    ['{"topicFilterType":"NONE"}', 'TopicConfig.topicFilterType: "NONE" is not one of SINGLE_TAG, MULTI_TAG'],
    ['{"topicFilterType":7}', "TopicConfig.topicFilterType: 7 is not one of SINGLE_TAG, MULTI_TAG"],
    ['{"attributes":[1]}', "TopicConfig.attributes: an array is not an object"],
    ['{"topicName":{}}', "TopicConfig.topicName: an object is not a text"],
    ["[]", "the body: an array is not a TopicConfig object"],
    ["5", "the body: 5 is not a TopicConfig object"],
    ["null", "the body: null is not a TopicConfig object"],
  ])("%s", (json, message) => {
    expect(() => topic.topicConfig.parse(json)).toThrow(message);
    expect(() => topic.topicConfig.parse(json)).toThrow(WireError);
  });
});

describe("a body of too many values is refused unread", () => {
  const many = (count: number): Uint8Array => encodeUtf8(`{"consumerDataSet":[${"{},".repeat(count)}{}]}`);

  test("from clients", () => {
    expect(heartbeat.heartbeatData.decode(many(10_000)).consumerDataSet.length).toBe(10_001);
    expect(() => heartbeat.heartbeatData.decode(many(50_000))).toThrow(
      /HeartbeatData of \d+ bytes has \d+ values; 100000 are allowed/,
    );
  });

  test("between servers there is room for more", () => {
    const topics = Array.from(
      { length: 20_000 },
      (_, i) => `"T${i}":{"topicName":"T${i}","perm":6,"order":false,"readQueueNums":4}`,
    );
    const { topicConfigTable } = topic.topicConfigSerializeWrapper.decode(
      encodeUtf8(`{"topicConfigTable":{${topics.join(",")}}}`),
    );
    expect(topicConfigTable.size).toBe(20_000);
  });
});
