/**
 * How the members of a group share queues, each computing its own part: all of them see the same sorted lists, so all come
 * to the same split, whatever language they are written in. Names and results are those of the Java client.
 */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import { MQClientError } from "./errors.ts";

/** @returns the queues of `clientId`. `queues` and `clientIds` are sorted, and `clientIds` contains it. */
export interface AllocateMessageQueueStrategy {
  readonly name: string;
  allocate(
    consumerGroup: string,
    clientId: string,
    queues: readonly MessageQueue[],
    clientIds: readonly string[],
  ): MessageQueue[];
}

/** Neighbouring queues to each; the first ones get one more where it does not come out even. */
export const allocateAveragely: AllocateMessageQueueStrategy = {
  name: "AVG",
  allocate(_group, clientId, queues, clientIds) {
    const index = clientIds.indexOf(clientId);
    if (index < 0) return [];
    const rest = queues.length % clientIds.length;
    const share = Math.floor(queues.length / clientIds.length);
    const size = share + (index < rest ? 1 : 0);
    const from = index * share + Math.min(index, rest);
    return queues.slice(from, from + size);
  },
};

/** One queue to each in turn. */
export const allocateAveragelyByCircle: AllocateMessageQueueStrategy = {
  name: "AVG_BY_CIRCLE",
  allocate(_group, clientId, queues, clientIds) {
    const index = clientIds.indexOf(clientId);
    return index < 0 ? [] : queues.filter((_, i) => i % clientIds.length === index);
  },
};

/** The queues given here, whoever else is in the group. */
export const allocateByConfig = (messageQueueList: readonly MessageQueue[]): AllocateMessageQueueStrategy => ({
  name: "CONFIG",
  allocate: () => [...messageQueueList],
});

/** Only queues of brokers whose name begins with one of these rooms and `@` (`room1@broker-a`). */
export const allocateByMachineRoom = (consumeridcs: ReadonlySet<string>): AllocateMessageQueueStrategy => ({
  name: "MACHINE_ROOM",
  allocate(_group, clientId, queues, clientIds) {
    const index = clientIds.indexOf(clientId);
    if (index < 0) return [];
    const near = queues.filter(({ brokerName }) => {
      const parts = brokerName.split("@");
      return parts.length === 2 && consumeridcs.has(parts[0] as string);
    });
    const share = Math.floor(near.length / clientIds.length);
    const mine = near.slice(index * share, (index + 1) * share);
    const extra = near[clientIds.length * share + index];
    return extra === undefined || near.length % clientIds.length <= index ? mine : [...mine, extra];
  },
});

/** Which room (zone) brokers and members are in; an empty name is an error. */
export interface MachineRoomResolver {
  brokerDeployIn(queue: MessageQueue): string;
  consumerDeployIn(clientId: string): string;
}

/**
 * Queues go to members of their own room, divided by `inner`; those of a room without members are divided among all.
 * `allocate` throws MQClientError kind invalid for a queue or member without a room: then queues stay as they are.
 */
export const allocateByMachineRoomNearby = (
  inner: AllocateMessageQueueStrategy,
  rooms: MachineRoomResolver,
): AllocateMessageQueueStrategy => ({
  name: `MACHINE_ROOM_NEARBY-${inner.name}`,
  allocate(group, clientId, queues, clientIds) {
    if (!clientIds.includes(clientId)) return [];
    const queuesOf = byRoom(queues, (queue) => rooms.brokerDeployIn(queue), "queue");
    const clientsOf = byRoom(clientIds, (id) => rooms.consumerDeployIn(id), "member");
    const own = rooms.consumerDeployIn(clientId);
    const mine = inner.allocate(group, clientId, queuesOf.get(own) ?? [], clientsOf.get(own) ?? []);
    for (const [room, ofRoom] of [...queuesOf].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!clientsOf.has(room)) mine.push(...inner.allocate(group, clientId, ofRoom, clientIds));
    }
    return mine;
  },
});

function byRoom<T>(items: readonly T[], roomOf: (item: T) => string, what: string): Map<string, T[]> {
  const rooms = new Map<string, T[]>();
  for (const item of items) {
    const room = roomOf(item);
    if (room === "") throw new MQClientError("invalid", `A ${what} is in no machine room: ${JSON.stringify(item)}`);
    rooms.set(room, [...(rooms.get(room) ?? []), item]);
  }
  return rooms;
}
