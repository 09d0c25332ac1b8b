/** CONSISTENT_HASH: who joins or leaves moves few queues. The ring is Java's `ConsistentHashRouter`, point by point. */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import type { Digest } from "../runtime.ts";
import type { AllocateMessageQueueStrategy } from "./allocate.ts";
import { MQClientError } from "./errors.ts";

/** Java's default. */
const VIRTUAL_NODES = 10;

/**
 * @param digest of the runtime. @param virtualNodeCnt points of a member on the ring; all members need the same
 * @throws MQClientError kind invalid for a count below 1
 */
export function allocateByConsistentHash(
  digest: Pick<Digest, "md5">,
  virtualNodeCnt = VIRTUAL_NODES,
): AllocateMessageQueueStrategy {
  if (!Number.isInteger(virtualNodeCnt) || virtualNodeCnt < 1) {
    throw new MQClientError("invalid", `virtualNodeCnt is ${virtualNodeCnt}; a whole number from 1 on is wanted`);
  }
  const hash = (key: string): number => {
    const [a = 0, b = 0, c = 0, d = 0] = digest.md5(encodeUtf8(key));
    return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  };
  return {
    name: "CONSISTENT_HASH",
    allocate(_group, clientId, queues, clientIds) {
      if (!clientIds.includes(clientId)) return [];
      // Of two members at one point the later has it.
      const points = new Map<number, string>();
      for (const id of clientIds) for (let i = 0; i < virtualNodeCnt; i++) points.set(hash(`${id}-${i}`), id);
      const ring = [...points].sort(([a], [b]) => a - b);
      const ownerOf = (queue: MessageQueue): string | undefined => {
        const at = hash(`MessageQueue [topic=${queue.topic}, brokerName=${queue.brokerName}, queueId=${queue.queueId}]`);
        return (ring.find(([point]) => point >= at) ?? ring[0])?.[1];
      };
      return queues.filter((queue) => ownerOf(queue) === clientId);
    },
  };
}
