/** Strategies of dividing queues: all members, Java's among them, have to come to the same split. */
import { describe, expect, test } from "bun:test";
import { hostDigest } from "../../adapters/shared/digest.ts";
import {
  type AllocateMessageQueueStrategy,
  allocateAveragely,
  allocateAveragelyByCircle,
  allocateByConfig,
  allocateByConsistentHash,
  allocateByMachineRoom,
  allocateByMachineRoomNearby,
} from "../../core/client/mod.ts";

const queues = ["r1@a", "r2@b", "r3@c"].flatMap((brokerName) =>
  [0, 1, 2, 3, 4].map((queueId) => ({ topic: "T", brokerName, queueId })),
);
const members = ["r1-10.0.0.1@1", "r1-10.0.0.2@2", "r2-10.0.0.3@3", "r2-10.0.0.4@4"];
const rooms = {
  brokerDeployIn: ({ brokerName }: { brokerName: string }) => brokerName.split("@")[0] ?? "",
  consumerDeployIn: (clientId: string) => clientId.split("-")[0] ?? "",
};

/** What the strategies of Java's client 5.5.0 gave each of the four members. */
const JAVA: readonly [AllocateMessageQueueStrategy, name: string, ...members: string[]][] = [
  [allocateAveragely, "AVG", "a0 a1 a2 a3", "a4 b0 b1 b2", "b3 b4 c0 c1", "c2 c3 c4"],
  [allocateAveragelyByCircle, "AVG_BY_CIRCLE", "a0 a4 b3 c2", "a1 b0 b4 c3", "a2 b1 c0 c4", "a3 b2 c1"],
  [allocateByMachineRoom(new Set(["r1", "r3"])), "MACHINE_ROOM", "a0 a1 c3", "a2 a3 c4", "a4 c0", "c1 c2"],
  [allocateByConsistentHash(hostDigest), "CONSISTENT_HASH", "a0 b0 b2 c1 c4", "a1 a2 b4", "a3 a4 c2", "b1 b3 c0 c3"],
  [
    allocateByMachineRoomNearby(allocateAveragely, rooms),
    "MACHINE_ROOM_NEARBY-AVG",
    "a0 a1 a2 c0 c1",
    "a3 a4 c2",
    "b0 b1 b2 c3",
    "b3 b4 c4",
  ],
];

const textOf = (strategy: AllocateMessageQueueStrategy, clientId: string) =>
  strategy
    .allocate("g", clientId, queues, members)
    .map(({ brokerName, queueId }) => `${brokerName.at(-1)}${queueId}`)
    .join(" ");

describe("each strategy", () => {
  test("divides as Java's does, and gives a stranger nothing", () => {
    for (const [strategy, name, ...expected] of JAVA) {
      expect([strategy.name, ...members.map((member) => textOf(strategy, member))]).toEqual([name, ...expected]);
      expect(textOf(strategy, "r1-stranger")).toBe("");
    }
    expect(allocateByConfig(queues.slice(3, 4)).allocate("g", "anybody", queues, members)).toEqual(queues.slice(3, 4));
  });

  test("refuses what it can't divide by", () => {
    expect(() => allocateByConsistentHash(hostDigest, 0)).toThrow("virtualNodeCnt");
    const nowhere = allocateByMachineRoomNearby(allocateAveragely, { ...rooms, consumerDeployIn: () => "" });
    expect(() => nowhere.allocate("g", members[0] as string, queues, members)).toThrow("no machine room");
  });

  test("by consistent hash moves few queues when a member leaves", () => {
    const strategy = allocateByConsistentHash(hostDigest);
    const fewer = members.slice(1);
    for (const member of fewer) {
      const before = strategy.allocate("g", member, queues, members);
      const after = strategy.allocate("g", member, queues, fewer);
      expect(before.every((queue) => after.includes(queue))).toBe(true);
    }
  });
});
