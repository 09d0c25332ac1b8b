/**
 * How the members of a group share queues, each computing its own part: all of them see the same sorted lists, so all come
 * to the same split, whatever language they are written in. Names and results are those of the Java client.
 */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";

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
