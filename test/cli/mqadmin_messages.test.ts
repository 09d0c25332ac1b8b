/** mqadmin's commands of messages, offsets, users and replication, against our own servers. What Apache's print was taken as the model. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { propertiesText } from "../../cli/mqadmin/message/java_text.ts";
import { Producer, PushConsumer } from "../../core/client/mod.ts";
import { type RocketMQ, startRocketMQ } from "../../mod.ts";
import { mqadmin } from "./mqadmin_harness.ts";

let rocketmq: RocketMQ;
let n: string;
let b: string;
let msgId: string;
let offsetMsgId: string;
beforeAll(async () => {
  rocketmq = await startRocketMQ({ listen: true, broker: { traceTopicEnable: true } });
  n = rocketmq.namesrvAddr as string;
  const { out } = await mqadmin(["clusterList", "-n", n, "--json"]);
  b = (JSON.parse(out) as { address: string }[])[0]?.address ?? "";
  await ran("updateTopic", "-n", n, "-b", b, "-t", "T", "-r", "1", "-w", "1");
  const producer = new Producer(rocketmq.client(), { producerGroup: "P" });
  ({ msgId, offsetMsgId } = await producer.send({ topic: "T", body: "hällo", tags: "red", keys: "k1" }));
  await producer.send({ topic: "T", body: "b", tags: "blue" });
});
afterAll(() => rocketmq.close());

/** What a command that succeeds printed, line by line. */
async function ran(...words: string[]): Promise<string[]> {
  const { code, out, err } = await mqadmin(words);
  expect(`${code} ${err}`).toBe("0 ");
  return out.trimEnd().split("\n");
}

describe("messages", () => {
  test("are found by unique key, offset id, key, tag and place", async () => {
    const byId = await ran("queryMsgById", "-n", n, "-t", "T", "-i", `${msgId},${offsetMsgId}`, "-f", "UTF-8");
    expect(byId.filter((line) => line.startsWith("OffsetID:"))).toEqual(Array(2).fill(`OffsetID:            ${offsetMsgId}`));
    expect(byId).toContain("Message Body:        hällo");
    expect(byId).toContain("Tags:                [red]");
    expect(byId).toContain(`Message Body Path:   /tmp/rocketmq/msgbodys/${msgId}`);
    const byUniqueKey = await ran("queryMsgByUniqueKey", "-n", n, "-t", "T", "-i", msgId);
    expect([byUniqueKey[0], byUniqueKey.at(-1)]).toEqual(["Topic:               T", "WARN: No Consumer"]);
    const byKey = await ran("queryMsgByKey", "-n", n, "-t", "T", "-k", "k1");
    expect(byKey[1]?.split(/ +/).slice(0, 3)).toEqual([msgId, "0", "0"]);
    const byPlace = await ran("queryMsgByOffset", "-n", n, "-t", "T", "-b", "broker-a", "-i", "0", "-o", "1");
    expect(byPlace).toContain("Tags:                [blue]");
    const missing = await mqadmin(["queryMsgById", "-n", n, "-t", "T", "-i", "00"]);
    expect([missing.code, missing.out]).toEqual([2, "\nMessage not found!\n"]);
  });

  test("are printed, of one queue or all, with their tags counted", async () => {
    const [bounds, first] = await ran("printMsg", "-n", n, "-t", "T", "-s", "red");
    expect(bounds).toBe("minOffset=0, maxOffset=2, MessageQueue [topic=T, brokerName=broker-a, queueId=0]");
    expect(first).toStartWith(`MSGID: ${msgId} MessageExt [brokerName=broker-a, queueId=0, storeSize=`);
    expect(first).toEndWith("body=[104, -61, -92, 108, 108, 111], transactionId='null'}] BODY: hällo");
    expect(await ran("printMsgByQueue", "-n", n, "-t", "T", "-a", "broker-a", "-i", "0", "-f", "true")).toEqual([
      "Tag: red                            Count: 1",
      "Tag: blue                           Count: 1",
    ]);
    const consumed = await ran("consumeMessage", "-n", n, "-t", "T", "-b", "broker-a", "-i", "0", "-c", "1");
    expect(consumed.slice(0, 2)).toEqual(["The oldler 1 message will be provided", "Consume ok"]);
    expect(consumed).toHaveLength(3);
    expect((await mqadmin(["consumeMessage", "-n", n, "-t", "T", "-o", "1"])).err).toContain("Please set queueId before offset!");
    expect((await mqadmin(["printMsg", "-n", n, "-t", "T", "-c", "KLINGON"])).code).toBe(1);
  });

  test("are sent, timed and traced", async () => {
    const [title, row] = await ran("sendMessage", "-n", n, "-t", "T", "-p", "c", "-k", "k9", "-m", "true");
    expect(title).toBe("#Broker Name                      #QID  #Send Result            #MsgId");
    expect(row).toStartWith("broker-a                          0     SEND_OK              ");
    const traced = await ran("queryMsgTraceById", "-n", n, "-i", row?.split(" ").at(-1) as string);
    expect(traced[1]).toMatch(/^Pub +\d+ +\S+ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\d+ms +success/);
    const timed = await ran("checkMsgSendRT", "-n", n, "-t", "T", "-a", "3");
    expect([timed.length, timed[1]?.split(/ +/).slice(0, 3), timed[4]?.slice(0, 8)]).toEqual([
      5,
      ["broker-a", "0", "true"],
      "Avg RT: ",
    ]);
  });

  test("a unique id tells where and when it was made", async () => {
    const [line] = await ran("DecodeMessageId", "-i", msgId);
    expect(line).toMatch(/^ip=\d+\.\d+\.\d+\.\d+date=\d{4}-\d\d-\d\d#\d\d:\d\d:\d\d:\d{3}$/);
    expect(
      Math.abs(
        (JSON.parse((await ran("DecodeMessageId", "-i", msgId, "--json")).join("")) as { time: number }).time - Date.now(),
      ),
    ).toBeLessThan(60_000);
    expect((await mqadmin(["DecodeMessageId", "-i", "xyz"])).code).toBe(1);
  });

  test("a compaction log is dumped, up to the zeros behind it; other files are refused", async () => {
    const directory = mkdtempSync(join(tmpdir(), "edgemq-cli-"));
    try {
      const log = join(directory, "log");
      const { body } = await rocketmq.client().call("read it", b, "VIEW_MESSAGE_BY_ID", { offset: 0 });
      writeFileSync(log, Buffer.concat([body, Buffer.alloc(64)]));
      const lines = await ran("dumpCompactionLog", "-f", log);
      expect([lines.length, lines[0]?.startsWith("MessageExt [brokerName=null"), lines[0]?.includes("body=null")]).toEqual([
        1,
        true,
        true,
      ]);
      writeFileSync(log, Buffer.from([0, 0, 0, 8, 1, 2, 3, 4]));
      expect(await mqadmin(["dumpCompactionLog", "-f", log])).toMatchObject({
        code: 2,
        err: expect.stringContaining("byte 0 of"),
      });
      expect((await mqadmin(["dumpCompactionLog", "-f", directory])).code).toBe(2);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("properties stand in the order of Java's map", () => {
    const names = ["UNIQ_KEY", "CLUSTER", "WAIT", "TAGS", "KEYS", "MIN_OFFSET", "MAX_OFFSET"];
    const text = propertiesText(new Map(names.map((name) => [name, "1"])));
    expect(text).toBe("{UNIQ_KEY=1, CLUSTER=1, MIN_OFFSET=1, TAGS=1, KEYS=1, WAIT=1, MAX_OFFSET=1}");
  });
});

describe("groups", () => {
  test("go on elsewhere: by time, by queue, at the end, where another one is", async () => {
    const consumer = new PushConsumer(rocketmq.client(), { consumerGroup: "G", subscription: { T: "*" } });
    await consumer.start(() => {});
    const [status, , row] = await ran("getConsumerStatus", "-n", n, "-g", "G", "-t", "T");
    expect(status).toBe("get consumer status from client. group=G, topic=T, originClientId=");
    expect(row?.split(/ +/).slice(1, 3)).toEqual(["broker-a", "0"]);
    await consumer.close();
    const old = await ran("resetOffsetByTimeOld", "-n", n, "-g", "G", "-t", "T", "-s", "0");
    expect(old[0]).toBe(
      "reset consumer offset by specified consumerGroup[G], topic[T], force[true], timestamp(string)[0], timestamp(long)[0]",
    );
    expect(old[2]?.split(/ +/).slice(4, 6)).toEqual(["0", "0"]);
    const one = await ran("resetOffsetByTime", "-n", n, "-g", "G", "-t", "T", "-s", "now", "-b", b, "-q", "0", "-o", "1");
    expect(one[1]).toBe("reset consumer offset to 1");
    const all = await ran("resetOffsetByTime", "-n", n, "-g", "G", "-t", "T", "-s", "0");
    expect(all[2]?.split(/ +/)).toEqual(["broker-a", "0", "0"]);
    const [, , end] = (await ran("skipAccumulatedMessage", "-n", n, "-g", "G", "-t", "T"))[1]?.split(/ +/) ?? [];
    expect(Number(end)).toBeGreaterThan(1);
    await ran("updateSubGroup", "-n", n, "-b", b, "-g", "H");
    expect(await ran("cloneGroupOffset", "-n", n, "-s", "G", "-d", "H", "-t", "T")).toEqual([
      "clone group offset success. srcGroup[G], destGroup=[H], topic[T]",
    ]);
    expect((await mqadmin(["resetOffsetByTime", "-n", n, "-g", "G", "-t", "T", "-s", "soon"])).err).toContain(
      "yyyy-MM-dd#HH:mm:ss:SSS",
    );
  });
});

describe("users and access lists", () => {
  test("are made, changed, shown and removed", async () => {
    expect(await ran("createUser", "-n", n, "-c", "DefaultCluster", "-u", "alice", "-p", "12345678")).toEqual([
      `create user to ${b} success.`,
    ]);
    await ran("updateUser", "-n", n, "-b", b, "-u", "alice", "-s", "disable");
    const shown = await ran("getUser", "-n", n, "-c", "DefaultCluster", "-u", "alice");
    expect(shown[1]?.split(/ +/).filter((word) => word !== "")).toEqual(["alice", "12345678", "Normal", "disable"]);
    expect((await ran("listUser", "-n", n, "-c", "DefaultCluster")).at(-1)).toBe(`get user from ${b} success.`);
    const acl = ["-b", b, "-s", "User:alice", "-r", "Topic:T", "-a", "Pub, Sub", "-d", "Allow"];
    await ran("createAcl", ...acl);
    await ran("updateAcl", ...acl, "-i", "192.168.0.0/16");
    const [title, row = ""] = (await ran("listAcl", "-b", b)).map((line) => line.trimEnd());
    expect(title).toBe(
      "#Subject          #PolicyType  #Resource               #Actions              #SourceIp                 #Decision",
    );
    expect(row).toStartWith("User:alice        Custom      Topic:T                 [Pub, Sub]            [192.168.0.0/16]");
    expect(await ran("getAcl", "-b", b, "-s", "User:alice")).toHaveLength(2);
    expect(await ran("copyUser", "-f", b, "-t", b, "-u", "alice")).toEqual([`copy user of alice from ${b} to ${b} success.`]);
    expect(await ran("copyAcl", "-f", b, "-t", b)).toEqual([`copy acl of User:alice from ${b} to ${b} success.`]);
    await ran("deleteAcl", "-b", b, "-s", "User:alice");
    await ran("deleteUser", "-b", b, "-u", "alice");
  });
});

describe("replication, controllers and containers", () => {
  test("a master says how far its slaves are", async () => {
    const lines = await ran("haStatus", "-n", n, "-c", "DefaultCluster");
    expect([lines[1], lines[3]]).toEqual([`#MasterAddr\t${b}`, "#SlaveNum\t0"]);
    expect((await mqadmin(["haStatus", "-n", n])).code).toBe(1);
  });

  test("what our broker does not serve is refused with its address", async () => {
    for (const words of [
      ["getControllerMetaData", "-a", b],
      ["getControllerConfig", "-a", b],
      ["updateControllerConfig", "-a", b, "-k", "x", "-v", "y"],
      ["electMaster", "-a", b, "-b", "1", "-bn", "broker-a", "-c", "DefaultCluster"],
      ["cleanBrokerMetadata", "-a", b, "-bn", "broker-a", "-l"],
      ["getSyncStateSet", "-a", b, "-b", "broker-a"],
      ["addBroker", "-c", b, "-b", "conf"],
      ["removeBroker", "-c", b, "-b", "C:b:0"],
    ]) {
      expect(await mqadmin(words)).toMatchObject({ code: 2, err: expect.stringContaining(`${b} answered`) });
    }
    expect((await mqadmin(["removeBroker", "-c", b, "-b", "nonsense"])).code).toBe(1);
  });
});

describe("exports", () => {
  test("write topics, groups, settings and figures as JSON files", async () => {
    const directory = mkdtempSync(join(tmpdir(), "edgemq-cli-"));
    const read = (name: string) => JSON.parse(readFileSync(join(directory, name), "utf8")) as object;
    try {
      const where = ["-n", n, "-c", "DefaultCluster", "-f", directory];
      expect(await ran("exportMetadata", ...where)).toEqual([`export ${directory}/metadata.json success`]);
      const T = { readQueueNums: 1, topicName: "T", perm: 6 };
      expect(read("metadata.json")).toMatchObject({ topicConfigTable: { T } });
      expect(JSON.stringify(read("metadata.json"))).not.toContain("rmq_sys_");
      await ran("exportMetadata", ...where, "-t");
      expect(Object.keys(read("topic.json"))).toEqual(["topicConfigTable", "exportTime"]);
      await ran("exportMetadata", "-b", b, "-f", directory, "-g");
      expect(read("subscriptionGroup.json")).toHaveProperty("dataVersion");
      await ran("exportConfigs", ...where);
      expect(read("configs.json")).toMatchObject({
        clusterScale: { namesrvSize: 1, masterBrokerSize: 1, slaveBrokerSize: 0 },
        brokerConfigs: { "broker-a": { brokerRole: "ASYNC_MASTER" } },
      });
      await ran("exportMetrics", ...where);
      const groupSize = expect.any(Number) as number;
      expect(read("metrics.json")).toMatchObject({ evaluateReport: { "broker-a": { runtimeQuota: { groupSize } } } });
      expect((await mqadmin(["exportMetadata", "-b", b])).code).toBe(1);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("out of RocksDB are refused in a sentence", async () => {
    expect(await mqadmin(["exportMetadataInRocksDB", "-p", "/x", "-t", "topics"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("/x is a RocksDB directory, which this mqadmin can't read"),
    });
    expect((await mqadmin(["rocksDBConfigToJson", "-p", "/x", "-t", "topics"])).code).toBe(2);
    expect(await mqadmin(["rocksDBConfigToJson", "-b", b])).toMatchObject({ code: 2, err: expect.stringContaining(b) });
    expect((await mqadmin(["rocksDBConfigToJson", "-b", b, "-t", "everything"])).code).toBe(1);
    expect(await ran("exportPopRecord", "-n", n, "-c", "DefaultCluster", "-d", "true")).toEqual([
      `Export broker records, brokerName=broker-a, brokerAddr=${b}, dryRun=true`,
    ]);
  });
});
