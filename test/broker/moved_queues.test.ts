/** A logic queue that was moved from broker-b to broker-a: who asks broker-a sees one queue. */
import { describe, expect, test } from "bun:test";
import { type SimWorld, simWorld } from "../../adapters/sim/sim.ts";
import type { LocalNameServer } from "../../core/broker/registration/registration_targets.ts";
import {
  queryAssignmentRequestBody,
  queryAssignmentResponseBody,
  setMessageRequestModeRequestBody,
} from "../../wire/bodies/assignment.ts";
import { heartbeatData } from "../../wire/bodies/heartbeat.ts";
import { topicRouteData } from "../../wire/bodies/route.ts";
import { type LogicQueueMappingItem, topicQueueMappingDetail } from "../../wire/bodies/static_topic.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import { formatExtraInfo, parseStartOffsetInfo } from "../../wire/pop_info.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { BrokerHarness, client, consumerOf, subscription, topicHeader } from "./management_harness.ts";
import { pullHeader, sendHeader } from "./messages_harness.ts";

const GROUP = "TOOLS_CONSUMER";
const stretch = (more: Partial<LogicQueueMappingItem>): LogicQueueMappingItem => ({
  gen: 0,
  queueId: 0,
  bname: "broker-b",
  logicOffset: 0,
  startOffset: 0,
  endOffset: -1,
  timeOfStart: -1,
  timeOfEnd: -1,
  ...more,
});
/** Messages 0 to 9 in queue 1 of broker-b; from 10 on in queue 2 of broker-a, whose first three messages are of somebody else. */
const MOVED = [
  stretch({ queueId: 1, endOffset: 10 }),
  stretch({ gen: 1, queueId: 2, bname: "broker-a", logicOffset: 10, startOffset: 3 }),
];

interface Pair {
  readonly a: BrokerHarness;
  readonly b: BrokerHarness;
  readonly running: <T>(promise: Promise<T>) => Promise<T>;
}

/** A nameserver that knows where broker-b is. */
const nameServer: LocalNameServer = {
  async invoke(name) {
    if (name !== "GET_ROUTEINFO_BY_TOPIC") return {};
    const brokers = [
      { cluster: "c", brokerName: "broker-b", brokerAddrs: new Map([[0, "10.0.0.2:10911"]]), enableActingMaster: false },
    ];
    const queueDatas = ["broker-a", "broker-b"].map((brokerName) => ({
      ...{ brokerName, readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0 },
    }));
    const topicQueueMappingByBroker = new Map(
      [new Map([[0, 2]]), new Map()].map((currIdMap, index) => [
        `broker-${"ab"[index]}`,
        { topic: "S", scope: "__global__", totalQueues: 1, bname: `broker-${"ab"[index]}`, epoch: 1, dirty: false, currIdMap },
      ]),
    );
    const route = { queueDatas, brokerDatas: brokers, filterServerTable: new Map(), topicQueueMappingByBroker };
    return { body: topicRouteData.encode(route) } as never;
  },
  advertise: () => () => {},
};

async function withPair(body: (pair: Pair) => Promise<void>, items = MOVED): Promise<void> {
  const world: SimWorld = simWorld();
  const running = async <T>(promise: Promise<T>): Promise<T> => {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    promise.then(settle, settle);
    await world.clock.until(() => settled, 60_000);
    return promise;
  };
  const a = await running(BrokerHarness.start({ runtime: world.process({ addresses: ["10.0.0.1"] }), nameServer }));
  const settings = { brokerName: "broker-b", listenPort: 10911 };
  const b = await running(BrokerHarness.start({ runtime: world.process({ addresses: ["10.0.0.2"] }), settings, listen: true }));
  for (const [harness, bname] of [
    [a, "broker-a"],
    [b, "broker-b"],
  ] as const) {
    const detail = {
      topic: "S",
      scope: "__global__",
      totalQueues: 1,
      bname,
      epoch: 1,
      dirty: false,
      currIdMap: new Map(),
      hostedQueues: new Map([[0, items]]),
    };
    await running(
      harness.call(
        "UPDATE_AND_CREATE_STATIC_TOPIC",
        { ...topicHeader("S"), readQueueNums: 4, writeQueueNums: 4, force: false },
        topicQueueMappingDetail.encode(detail),
      ),
    );
  }
  for (let i = 0; i < 10; i++)
    await running(b.call("SEND_MESSAGE_V2", { ...sendHeader({ topic: "S", queueId: 1 }), lo: false }, `${i}`));
  for (let i = 0; i < 3; i++)
    await running(a.call("SEND_MESSAGE_V2", { ...sendHeader({ topic: "S", queueId: 2 }), lo: false }, "other"));
  try {
    await body({ a, b, running });
  } finally {
    await running(a.broker.stop());
    await running(b.broker.stop());
  }
}

const pulling = (queueOffset: number, more: Partial<RequestHeaderOf<"PULL_MESSAGE">> = {}): RequestHeaderOf<"PULL_MESSAGE"> =>
  pullHeader({ topic: "S", consumerGroup: GROUP, queueId: 0, queueOffset, sysFlag: 4, subscription: "*", ...more });
const send = ({ a, running }: Pair, text: string) =>
  running(a.call("SEND_MESSAGE_V2", sendHeader({ topic: "S", queueId: 0 }), text));
const offsetOf = async ({ a, running }: Pair, name: "GET_MAX_OFFSET" | "GET_MIN_OFFSET"): Promise<number> =>
  (await running(a.call(name, { topic: "S", queueId: 0, committed: true }))).header!.offset;

describe("POP of a logic queue that was moved", () => {
  const assigned = async ({ a, running }: Pair, mode: "PULL" | "POP", popShareQueueNum = 0): Promise<string[]> => {
    const heartbeat = {
      ...heartbeatData.read({}, ""),
      clientID: "c1",
      consumerDataSet: [consumerOf("G", subscription("S"))],
    };
    await running(a.call("HEART_BEAT", {}, heartbeatData.encode(heartbeat), { peer: client() }));
    const setMode = { topic: "S", consumerGroup: "G", mode, popShareQueueNum };
    await running(a.call("SET_MESSAGE_REQUEST_MODE", {}, setMessageRequestModeRequestBody.encode(setMode)));
    const asks = { topic: "S", consumerGroup: "G", clientId: "c1", strategyName: "AVG", messageModel: "CLUSTERING" } as const;
    const { body } = await running(a.call("QUERY_ASSIGNMENT", {}, queryAssignmentRequestBody.encode(asks)));
    const { messageQueueAssignments } = queryAssignmentResponseBody.decode(body!);
    return messageQueueAssignments!.map(({ messageQueue: { brokerName, queueId } }) => `${brokerName} ${queueId}`);
  };

  test("who pulls is assigned logic queues; who pops, as in Apache, the brokers with what lies there", () =>
    withPair(async (pair) => {
      expect(await assigned(pair, "PULL")).toEqual(["__syslo__global__ 0"]);
      expect(await assigned(pair, "POP")).toEqual(["broker-a -1", "broker-b -1"]);
    }));

  test("each message is given out once, hidden for longer, acknowledged, or comes back, at the broker where it lies", () =>
    withPair(async (pair) => {
      const { a, b, running } = pair;
      await send(pair, "10");
      const bornTime = () => a.runtime.clock.now();
      const pop = async (harness: BrokerHarness, invisibleTime = 2_000) => {
        const header = { topic: "S", consumerGroup: "G", queueId: -1, maxMsgNums: 32, invisibleTime, pollTime: 0, initMode: 0 };
        const { header: reply, body } = await running(
          harness.call("POP_MESSAGE", { ...header, order: false, bornTime: bornTime() }),
        );
        const { popTime = 0, reviveQid = 0, startOffsetInfo = "" } = reply ?? {};
        const starts = parseStartOffsetInfo(startOffsetInfo);
        return decodeRecords(body ?? new Uint8Array(0)).map(({ queueId, queueOffset, body: bytes, topic }) => {
          const info = {
            popTime,
            invisibleTime,
            reviveQid,
            flag: "0",
            brokerName: "",
            queueId,
            msgQueueOffset: queueOffset,
          } as const;
          const extraInfo = formatExtraInfo({ ...info, ckQueueOffset: [...starts.values()][0] ?? 0 });
          return {
            text: new TextDecoder().decode(bytes),
            ack: { topic, consumerGroup: "G", queueId, offset: queueOffset, extraInfo },
          };
        });
      };
      const texts = (popped: { text: string }[]): string[] => popped.map(({ text }) => text);
      const ofB = await pop(b);
      expect(texts(ofB)).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
      const ofA = await pop(a);
      expect(texts(ofA)).toEqual(["other", "other", "other", "10"]);
      expect([await pop(a), await pop(b)]).toEqual([[], []]);
      for (const { ack } of ofA) await running(a.call("ACK_MESSAGE", ack));
      for (const { ack } of ofB.slice(0, 8)) await running(b.call("ACK_MESSAGE", ack));
      await running(b.call("CHANGE_MESSAGE_INVISIBLETIME", { ...ofB[8]!.ack, suspend: false, invisibleTime: 60_000 }));
      await a.runtime.clock.advance(20_000);
      expect(texts(await pop(b, 600_000))).toEqual(["9"]);
      await a.runtime.clock.advance(60_000);
      expect([texts(await pop(b, 600_000)), await pop(a)]).toEqual([["8"], []]);
    }));
});

describe("a logic queue that was moved", () => {
  test("is written at its leader, with logic offsets; elsewhere nobody leads it", () =>
    withPair(async (pair) => {
      for (const queueOffset of [10, 11]) expect((await send(pair, "x")).header).toMatchObject({ queueId: 0, queueOffset });
      expect(pair.a.broker.store.maxOffset({ topic: "S", queueId: 2 })).toBe(5);
      const { b } = pair;
      for (const refused of [
        b.refused("SEND_MESSAGE_V2", sendHeader({ topic: "S", queueId: 0 }), "x"),
        b.refused("PULL_MESSAGE", pulling(0)),
        b.refused("GET_MAX_OFFSET", { topic: "S", queueId: 0, committed: true }),
      ]) {
        expect((await refused).code).toBe(ResponseCode.NOT_LEADER_FOR_QUEUE);
      }
    }));

  test("is read from its begin to its end, through all stretches and no further than each", () =>
    withPair(async (pair) => {
      await send(pair, "10");
      await send(pair, "11");
      // What somebody puts behind the end of the first stretch is not of this queue.
      await pair.running(pair.b.call("SEND_MESSAGE_V2", { ...sendHeader({ topic: "S", queueId: 1 }), lo: false }, "foreign"));
      const read: [number, string][] = [];
      const nexts: number[] = [];
      for (let offset = 0; offset < 12; ) {
        const { code = 0, header, body } = await pair.running(pair.a.call("PULL_MESSAGE", pulling(offset, { maxMsgNums: 4 })));
        expect([code, header?.minOffset !== undefined, header?.maxOffset]).toEqual([0, true, offset < 10 ? 10 : 12]);
        for (const record of decodeRecords(body ?? new Uint8Array(0))) {
          read.push([record.queueOffset + (header?.offsetDelta ?? 0), new TextDecoder().decode(record.body)]);
        }
        offset = header!.nextBeginOffset;
        nexts.push(offset);
      }
      expect(read).toEqual(Array.from({ length: 12 }, (_, i) => [i, `${i}`]));
      expect(nexts).toEqual([4, 8, 10, 12]);
      const end = await pair.running(pair.a.call("PULL_MESSAGE", pulling(12)));
      expect(end).toMatchObject({
        code: ResponseCode.PULL_NOT_FOUND,
        header: { nextBeginOffset: 12, minOffset: 10, maxOffset: 12 },
      });
    }));

  test("a pull that is held is answered when a message comes", () =>
    withPair(async (pair) => {
      await send(pair, "10");
      const held = pair.a.call("PULL_MESSAGE", pulling(11, { sysFlag: 6, suspendTimeoutMillis: 20_000 }));
      await send(pair, "11");
      const { header, body } = await pair.running(held);
      expect([header?.nextBeginOffset, header?.offsetDelta, decodeRecords(body!).length]).toEqual([12, 7, 1]);
    }));

  test("its bounds, and its offsets by time", () =>
    withPair(async (pair) => {
      await send(pair, "10");
      expect([await offsetOf(pair, "GET_MIN_OFFSET"), await offsetOf(pair, "GET_MAX_OFFSET")]).toEqual([0, 11]);
      const { a, running } = pair;
      const at = async (timestamp: number) =>
        (await running(a.call("SEARCH_OFFSET_BY_TIMESTAMP", { topic: "S", queueId: 0, timestamp }))).header?.offset;
      expect(await at(0)).toBe(0);
      expect(await at(a.runtime.clock.now() + 1_000_000)).toBe(11);
      const earliest = await running(a.call("GET_EARLIEST_MSG_STORETIME", { topic: "S", queueId: 0 }));
      expect(earliest.header?.timestamp).toBe(await pair.b.broker.store.storeTimeAt({ topic: "S", queueId: 1 }, 0));
    }));

  test("a group's offset lies in the stretch that it is in", () =>
    withPair(async (pair) => {
      const { a, b, running } = pair;
      await send(pair, "10");
      const commit = (commitOffset: number) =>
        running(a.call("UPDATE_CONSUMER_OFFSET", { topic: "S", consumerGroup: GROUP, queueId: 0, commitOffset }));
      const query = () => running(a.call("QUERY_CONSUMER_OFFSET", { topic: "S", consumerGroup: GROUP, queueId: 0 }));
      expect((await query()).code).toBe(ResponseCode.QUERY_NOT_FOUND);
      await commit(5);
      expect([b.broker.offsets.query(GROUP, "S", 1), (await query()).header?.offset]).toEqual([5, 5]);
      await commit(11);
      expect([a.broker.offsets.query(GROUP, "S", 2), (await query()).header?.offset]).toEqual([4, 11]);
      // With a pull as well, and not as the physical offset that the pull becomes.
      await running(a.call("PULL_MESSAGE", pulling(8, { sysFlag: 5, commitOffset: 10 })));
      expect([a.broker.offsets.query(GROUP, "S", 2), b.broker.offsets.query(GROUP, "S", 1)]).toEqual([3, 5]);
    }));

  test("the broker of a stretch is away: that stretch is refused with its name, the others are served", () =>
    withPair(async (pair) => {
      await send(pair, "10");
      await pair.running(pair.b.broker.stop());
      const refused = await pair.running(pair.a.refused("PULL_MESSAGE", pulling(0)));
      expect(refused.code).toBe(ResponseCode.SYSTEM_ERROR);
      expect(refused.remark).toMatch(/PULL_MESSAGE for S at the broker broker-b, 10\.0\.0\.2:10911.*forwardTimeout/);
      expect((await pair.running(pair.a.call("PULL_MESSAGE", pulling(10)))).header?.nextBeginOffset).toBe(11);
    }));

  test("before the move is decided nothing is written, and what is there is read to its end", () =>
    withPair(
      async (pair) => {
        expect((await pair.running(pair.a.refused("SEND_MESSAGE_V2", sendHeader({ topic: "S", queueId: 0 }), "x"))).code).toBe(
          ResponseCode.NOT_LEADER_FOR_QUEUE,
        );
        expect(pair.a.broker.store.maxOffset({ topic: "S", queueId: 2 })).toBe(3);
        expect((await pair.running(pair.a.call("PULL_MESSAGE", pulling(0)))).header?.nextBeginOffset).toBe(10);
        expect((await pair.running(pair.a.call("PULL_MESSAGE", pulling(10)))).code).toBe(ResponseCode.PULL_NOT_FOUND);
      },
      [stretch({ queueId: 1 }), stretch({ gen: 1, queueId: 2, bname: "broker-a", logicOffset: -1 })],
    ));

  test("as mqadmin leaves it after two moves: ends are open, and logic offsets have room between them", () =>
    withPair(
      async (pair) => {
        const { a, running } = pair;
        for (let i = 0; i < 2; i++) await send(pair, "new");
        const asked: number[] = [];
        const before = a.runtime.clock.monotonic();
        for (let offset = 0; offset < 20_002; ) {
          asked.push(offset);
          const { header } = await running(a.call("PULL_MESSAGE", pulling(offset, { sysFlag: 6, suspendTimeoutMillis: 15_000 })));
          offset = header!.nextBeginOffset;
        }
        // Nobody waits at the end of a stretch for what can't come there.
        expect(a.runtime.clock.monotonic() - before).toBeLessThan(1000);
        expect(asked).toEqual([0, 3, 10_000, 10_010, 20_000]);
        const late = { topic: "S", queueId: 0, timestamp: a.runtime.clock.now() + 1_000_000 };
        expect((await running(a.call("SEARCH_OFFSET_BY_TIMESTAMP", late))).header?.offset).toBe(20_002);
      },
      [
        stretch({ queueId: 2, bname: "broker-a" }),
        stretch({ gen: 1, queueId: 1, logicOffset: 10_000 }),
        stretch({ gen: 2, queueId: 3, bname: "broker-a", logicOffset: 20_000 }),
      ],
    ));

  test("what was said of a stretch can't be changed, unless by force", async () => {
    await withPair(async ({ a, running }) => {
      const update = (items: LogicQueueMappingItem[], force = false) => {
        const detail = {
          topic: "S",
          scope: "__global__",
          totalQueues: 1,
          bname: "broker-a",
          epoch: 2,
          dirty: false,
          currIdMap: new Map(),
          hostedQueues: new Map([[0, items]]),
        };
        const header = { ...topicHeader("S"), readQueueNums: 4, writeQueueNums: 4, force };
        return [header, topicQueueMappingDetail.encode(detail)] as const;
      };
      const [first, second] = MOVED as [LogicQueueMappingItem, LogicQueueMappingItem];
      for (const wrong of [
        [{ ...first, endOffset: 9 }, second],
        [first],
        [first, { ...second, queueId: 1 }],
        [first, { ...second, logicOffset: 12 }],
      ]) {
        const { remark } = await running(a.refused("UPDATE_AND_CREATE_STATIC_TOPIC", ...update(wrong)));
        expect(remark).toMatch(/logic queue 0 of S: stretch \d/);
      }
      await running(a.call("UPDATE_AND_CREATE_STATIC_TOPIC", ...update([second])));
      await running(a.call("UPDATE_AND_CREATE_STATIC_TOPIC", ...update([first, { ...second, queueId: 1 }], true)));
    });
  });
});
