/** Plans for static topics: where logic queues go when a topic is made, widened and moved. */
import { expect, test } from "bun:test";
import { agreedEpoch, createPlan, nextLogicOffset, remappingPlan } from "../../cli/mqadmin/topic/static_mapping.ts";
import type { TopicRemappingDetailWrapper } from "../../wire/bodies/static_topic.ts";

const NOW = 1_700_000_000_000;
const made = (queues: number, ...brokers: string[]) => createPlan("T", queues, new Set(brokers), new Map(), NOW);

/** broker -> logic queues it leads, with their physical numbers: `0>0 2>1`. */
function leads({ brokerConfigMap }: TopicRemappingDetailWrapper): Record<string, string> {
  return Object.fromEntries(
    [...brokerConfigMap].map(([broker, { mappingDetail }]) => [
      broker,
      [...(mappingDetail?.hostedQueues ?? [])]
        .filter(([, items]) => items.at(-1)?.bname === broker)
        .map(([id, items]) => `${id}>${items.at(-1)?.queueId}`)
        .join(" "),
    ]),
  );
}

test("a new topic is spread evenly, and every broker knows epoch and number", () => {
  const plan = made(5, "a", "b");
  expect(leads(plan)).toEqual({ a: "0>0 2>1 4>2", b: "1>0 3>1" });
  expect(agreedEpoch("T", plan.brokerConfigMap)).toEqual({ epoch: NOW, totalQueues: 5 });
  expect(plan.brokerConfigMap.get("a")).toMatchObject({ writeQueueNums: 3, readQueueNums: 3, perm: 6 });
});

test("a wider topic keeps its queues where they are", () => {
  const before = made(2, "a").brokerConfigMap;
  const plan = createPlan("T", 4, new Set(["a", "b"]), before, NOW);
  expect(leads(plan)).toEqual({ a: "0>0 1>1", b: "2>0 3>1" });
  expect(plan.epoch).toBe(NOW + 1_000);
  // The plan is a copy: what the brokers have is as it was.
  expect(before.get("a")?.mappingDetail?.totalQueues).toBe(2);
  expect(() => createPlan("T", 1, new Set(["a"]), before, NOW)).toThrow("Cannot decrease the queue num for static topic 1 < 2");
  expect(() => createPlan("T", 2, new Set(["a"]), before, NOW)).toThrow("do nothing");
  expect(() => createPlan("T", 4, new Set(["b"]), before, NOW)).toThrow("The existed broker a");
});

test("queues that move get a second stretch, known to the old and the new leader", () => {
  const plan = remappingPlan("T", new Set(["a", "b"]), made(4, "a").brokerConfigMap, NOW);
  expect(leads(plan)).toEqual({ a: "0>0 1>1", b: "2>0 3>1" });
  expect([plan.brokerToMapIn, plan.brokerToMapOut]).toEqual([new Set(["b"]), new Set(["a"])]);
  const items = plan.brokerConfigMap.get("b")?.mappingDetail?.hostedQueues.get(2);
  expect(items).toMatchObject([
    { gen: 0, bname: "a", queueId: 2, logicOffset: 0 },
    { gen: 1, bname: "b", queueId: 0, logicOffset: -1 },
  ]);
  expect(plan.brokerConfigMap.get("a")?.mappingDetail?.hostedQueues.get(2)).toEqual(items);
});

test("a topic leaves a broker altogether, and nothing moves when nothing needs to", () => {
  const before = made(4, "a", "b").brokerConfigMap;
  expect(leads(remappingPlan("T", new Set(["c"]), before, NOW))).toEqual({ a: "", b: "", c: "0>0 2>1 1>2 3>3" });
  const same = remappingPlan("T", new Set(["a", "b"]), before, NOW);
  expect([leads(same), same.brokerToMapIn.size]).toEqual([leads(made(4, "a", "b")), 0]);
});

test("brokers that disagree are named", () => {
  const { brokerConfigMap } = made(4, "a", "b");
  brokerConfigMap.get("b")!.mappingDetail!.epoch++;
  expect(() => agreedEpoch("T", brokerConfigMap)).toThrow(`epoch does not match ${NOW} != ${NOW + 1} in b`);
  brokerConfigMap.get("b")!.mappingDetail = undefined;
  expect(() => agreedEpoch("T", brokerConfigMap)).toThrow("should not be null in broker b");
  const doubled = made(2, "a", "b").brokerConfigMap;
  doubled.get("b")!.mappingDetail!.hostedQueues.set(0, [{ ...doubled.get("b")!.mappingDetail!.hostedQueues.get(1)![0]! }]);
  expect(() => remappingPlan("T", new Set(["a"]), doubled, NOW)).toThrow("duplicated");
});

test("a moved queue goes on at a round offset, with room for what still arrives", () => {
  const last = { gen: 0, queueId: 0, bname: "a", logicOffset: 0, startOffset: 0, endOffset: -1, timeOfStart: -1, timeOfEnd: -1 };
  expect([0, 4_999, 5_000, 9_999, 10_000].map((offset) => nextLogicOffset(last, offset))).toEqual([
    10_000, 10_000, 20_000, 20_000, 20_000,
  ]);
  expect(nextLogicOffset({ ...last, logicOffset: 20_000 }, 1)).toBe(30_000);
  expect(() => nextLogicOffset({ ...last, startOffset: 5 }, 4)).toThrow("smaller");
});
