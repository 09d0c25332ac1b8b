/** Files that go, as clients and administrators of a broker see it. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import type { BrokerSettingsInput } from "../../core/broker/options.ts";
import { kvTable } from "../../wire/bodies/kv_table.ts";
import { NO_BODY } from "../../wire/remoting_command.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { BrokerHarness, client, consumerOf, subscription } from "./management_harness.ts";
import { pullHeader } from "./messages_harness.ts";

const HOUR_MS = 3_600_000;
/** 00:00 UTC, far from 04, the hour of deleteWhen. */
const MIDNIGHT = Date.UTC(2026, 0, 1);
const LOST = "messages go before the group consumed them";

/** A broker with a log of small files and 60 messages in queue 0 of T. */
async function filled(settings: BrokerSettingsInput = {}): Promise<BrokerHarness> {
  const runtime = simRuntime({ epochMs: MIDNIGHT });
  const harness = await BrokerHarness.start({
    runtime,
    settings: { mappedFileSizeCommitLog: 4096, fileReservedTime: 1, ...settings },
  });
  for (let i = 0; i < 60; i++) await harness.send("T", 0, `${i} ${"x".repeat(150)}`);
  return harness;
}

const lostLines = (harness: BrokerHarness) => harness.log.of("warn").filter(({ message }) => message.startsWith(LOST));

async function infoOf(harness: BrokerHarness): Promise<ReadonlyMap<string, string>> {
  const { body = NO_BODY } = await harness.call("GET_BROKER_RUNTIME_INFO", {});
  return kvTable.decode(body).table;
}

async function expire(harness: BrokerHarness): Promise<number> {
  await harness.runtime.clock.advance(1.1 * HOUR_MS);
  await harness.runtime.clock.resolve(harness.call("DELETE_EXPIRED_COMMITLOG", {}));
  return harness.broker.store.minOffset({ topic: "T", queueId: 0 });
}

describe("messages that go before they are consumed", () => {
  test("an event per queue and group with the counts, and a counter; who has consumed them is not named", async () => {
    const harness = await filled();
    const { offsets } = harness.broker;
    offsets.commit("behind", "T", 0, 5);
    offsets.commit("elsewhere", "T", 1, 9);
    offsets.commit("ahead", "T", 0, 60);
    expect((await infoOf(harness)).get("expiredUnconsumedMessages")).toBe("0");
    const min = await expire(harness);
    expect(min).toBeGreaterThan(20);
    expect(lostLines(harness).map(({ fields }) => fields)).toEqual([
      { topic: "T", queueId: 0, group: "behind", messages: min - 5, firstOffset: 5, lastOffset: min - 1 },
      // It reads the topic and has not begun with this queue.
      { topic: "T", queueId: 0, group: "elsewhere", messages: min, firstOffset: 0, lastOffset: min - 1 },
    ]);
    expect((await infoOf(harness)).get("expiredUnconsumedMessages")).toBe(String(2 * min - 5));
    await harness.broker.stop();
  });

  test("a connected consumer that never committed counts, one that broadcasts keeps its offsets itself", async () => {
    const harness = await filled();
    // Clients that are silent for two minutes are gone, so files are made old by their clock only.
    harness.runtime.files.stat = (path) => {
      const found = harness.runtime.disk.stat(path);
      return found === undefined ? undefined : { ...found, modifiedMs: found.modifiedMs - 2 * HOUR_MS };
    };
    const heartbeat = (group: string, messageModel: "CLUSTERING" | "BROADCASTING") =>
      harness.heartbeat(client(), {
        clientID: group,
        consumerDataSet: [{ ...consumerOf(group, subscription("T")), messageModel }],
      });
    await heartbeat("new", "CLUSTERING");
    await heartbeat("loud", "BROADCASTING");
    await harness.runtime.clock.advance(1000);
    await harness.runtime.clock.resolve(harness.call("DELETE_EXPIRED_COMMITLOG", {}));
    expect(lostLines(harness).map(({ fields }) => fields["group"])).toEqual(["new"]);
    await harness.broker.stop();
  });

  test("delayed messages that are still waiting when the disk is full", async () => {
    const harness = await filled();
    for (let i = 0; i < 3; i++) {
      await harness.call(
        "SEND_MESSAGE",
        {
          producerGroup: "PG",
          topic: "T",
          defaultTopic: "TBW102",
          defaultTopicQueueNums: 4,
          queueId: 0,
          sysFlag: 0,
          bornTimestamp: 0,
          flag: 0,
          properties: "DELAY\u000118\u0002",
        },
        "later",
      );
    }
    for (let i = 0; i < 40; i++) await harness.send("T", 0, `${i} ${"x".repeat(150)}`);
    await harness.runtime.clock.advance(1000);
    harness.runtime.files.diskSpace = () => ({ totalBytes: 2 ** 40, freeBytes: 2 ** 36, usedBytes: 2 ** 40 - 2 ** 36 });
    await harness.runtime.clock.advance(12_000);
    const [line] = lostLines(harness);
    expect(line?.fields).toMatchObject({ topic: "SCHEDULE_TOPIC_XXXX", queueId: 17, messages: 3 });
    await harness.broker.stop();
  });
});

describe("a queue whose head has expired", () => {
  test("a pull is told OFFSET_MOVED and the first offset there is, and goes on there", async () => {
    const harness = await filled();
    harness.broker.groups.findOrCreate("G");
    const min = await expire(harness);
    const pulled = async (queueOffset: number) => {
      const { code = 0, header } = await harness.call(
        "PULL_MESSAGE",
        pullHeader({ topic: "T", consumerGroup: "G", queueOffset }),
      );
      return { code, next: header?.nextBeginOffset, min: header?.minOffset, max: header?.maxOffset };
    };
    for (const offset of [0, 1, min - 1]) {
      expect(await pulled(offset)).toEqual({ code: ResponseCode.PULL_OFFSET_MOVED, next: min, min, max: 60 });
    }
    expect((await pulled(min)).code).toBe(ResponseCode.SUCCESS);
    const { header } = await harness.call("GET_MIN_OFFSET", { topic: "T", queueId: 0 });
    expect(header?.offset).toBe(min);
    await harness.broker.stop();
  });

  test("the same when all of it is gone", async () => {
    const harness = await filled();
    for (let i = 0; i < 40; i++) await harness.send("U", 0, "x".repeat(150));
    await expire(harness);
    const { code, header } = await harness.call("PULL_MESSAGE", pullHeader({ topic: "T", consumerGroup: "G", queueOffset: 30 }));
    expect([code, header?.nextBeginOffset, header?.minOffset]).toEqual([ResponseCode.PULL_OFFSET_MOVED, 60, 60]);
    // A message more, and the queue has one.
    await harness.send("T", 0, "new");
    const more = await harness.call("PULL_MESSAGE", pullHeader({ topic: "T", consumerGroup: "G", queueOffset: 60 }));
    expect(more.code ?? 0).toBe(ResponseCode.SUCCESS);
    await harness.broker.stop();
  });
});

test("DELETE_EXPIRED_COMMITLOG and CLEAN_EXPIRED_CONSUMEQUEUE remove what has expired, at any hour, and answer", async () => {
  const harness = await filled({
    mappedFileSizeConsumeQueue: 200,
    flushConsumeQueueThoroughInterval: 1000,
    fileReservedTime: 0,
    deleteWhen: "23",
  });
  const files = (path: string): number => harness.runtime.files.list(`/store/${path}`).length;
  const log = files("commitlog");
  await harness.runtime.clock.advance(60_000);
  expect(files("commitlog")).toBe(log);
  const queue = files("consumequeue/T/0");
  await harness.runtime.clock.resolve(harness.call("DELETE_EXPIRED_COMMITLOG", {}));
  await harness.runtime.clock.resolve(harness.call("CLEAN_EXPIRED_CONSUMEQUEUE", {}));
  expect(files("commitlog")).toBeLessThan(log);
  expect(files("consumequeue/T/0")).toBeLessThan(queue);
  expect((await infoOf(harness)).get("commitLogMinOffset")).toBe(String(harness.broker.store.stats().minPhysicalOffset));
  await harness.broker.stop();
});
