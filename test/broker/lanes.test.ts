/** Every lane of the broker: its bound, the time that may be waited in it, and the keys that its refusals name. */
import { describe, expect, test } from "bun:test";
import { memoryRuntime } from "../../adapters/sim/memory.ts";
import { brokerLanes } from "../../core/broker/lanes.ts";
import { type BrokerSettings, brokerOptions } from "../../core/broker/options.ts";
import { settingsWith } from "../../core/config.ts";
import { Admission } from "../../core/remoting/admission.ts";
import { RemotingError } from "../../core/remoting/processor.ts";
import { type Lane, REQUESTS } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { hostRuntime } from "../support/host_runtime.ts";

/** Keys and defaults as `BrokerConfig` of 5.5.0 and `BrokerFastFailure` have them; no time where Apache cleans no queue. */
const LANES: readonly [lane: Lane, capacityKey: string, capacity: number, waitKey?: string, waitMs?: number][] = [
  ["send", "sendThreadPoolQueueCapacity", 10_000, "waitTimeMillsInSendQueue", 200],
  ["pull", "pullThreadPoolQueueCapacity", 100_000, "waitTimeMillsInPullQueue", 5_000],
  ["litePull", "litePullThreadPoolQueueCapacity", 100_000, "waitTimeMillsInLitePullQueue", 5_000],
  ["reply", "replyThreadPoolQueueCapacity", 10_000],
  ["query", "queryThreadPoolQueueCapacity", 20_000],
  ["ack", "ackThreadPoolQueueCapacity", 100_000, "waitTimeMillsInAckQueue", 3_000],
  ["endTransaction", "endTransactionPoolQueueCapacity", 100_000, "waitTimeMillsInTransactionQueue", 3_000],
  ["heartbeat", "heartbeatThreadPoolQueueCapacity", 50_000, "waitTimeMillsInHeartbeatQueue", 31_000],
  ["clientManage", "clientManagerThreadPoolQueueCapacity", 1_000_000],
  ["consumerManage", "consumerManagerThreadPoolQueueCapacity", 1_000_000],
  ["loadBalance", "loadBalanceThreadPoolQueueCapacity", 100_000],
  ["admin", "adminBrokerThreadPoolQueueCapacity", 10_000, "waitTimeMillsInAdminBrokerQueue", 5_000],
];

const { system } = memoryRuntime(await hostRuntime());
const admission = (settings: Partial<BrokerSettings> = {}): Admission =>
  new Admission(brokerLanes(settingsWith(brokerOptions, { ...settings }, system)));

function refusalOf(enter: () => void): string | undefined {
  try {
    enter();
    return undefined;
  } catch (error) {
    if (!(error instanceof RemotingError)) throw error;
    expect(error.code).toBe(ResponseCode.SYSTEM_BUSY);
    return error.message;
  }
}

describe("lanes of the broker", () => {
  test("each lane that a request of the broker takes has a bound", () => {
    const used = new Set(
      Object.values(REQUESTS)
        .filter(({ servedBy }) => servedBy.includes("broker" as never))
        .map(({ lane }) => lane),
    );
    used.delete("default" as Lane);
    expect([...used].filter((lane) => !LANES.some(([name]) => name === lane))).toEqual([]);
  });

  for (const [lane, capacityKey, capacity, waitKey, waitMs] of LANES) {
    test(`${lane}: ${capacityKey}${waitKey === undefined ? "" : `, ${waitKey}`}`, () => {
      const bounds = admission();
      expect(bounds.limit(lane)).toBe(capacity);
      if (waitKey === undefined || waitMs === undefined) {
        expect(refusalOf(() => bounds.enter(lane, 3_600_000))).toBe(undefined);
      } else {
        expect(refusalOf(() => bounds.enter(lane, waitMs - 1))).toBe(undefined);
        const late = refusalOf(() => bounds.enter(lane, waitMs));
        expect(late).toMatch(/^\[TIMEOUT_CLEAN_QUEUE\]broker busy/);
        expect(late).toInclude(`period in queue: ${waitMs}ms, size of queue: 1, ${waitKey}=${waitMs}`);
        expect(refusalOf(() => admission({ brokerFastFailureEnable: false }).enter(lane, waitMs))).toBe(undefined);
      }
      const narrow = admission({ [capacityKey]: 2 });
      expect([1, 2].map(() => refusalOf(() => narrow.enter(lane, 0)))).toEqual([undefined, undefined]);
      expect(refusalOf(() => narrow.enter(lane, 0))).toInclude(`2 ${lane} requests are under way, ${capacityKey}=2`);
      narrow.leave(lane);
      expect(refusalOf(() => narrow.enter(lane, 0))).toBe(undefined);
    });
  }
});
