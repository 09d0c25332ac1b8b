/**
 * A sum over the consume queues of a store: which there are and where each ends. An orderly stop puts it into `checkpoint`;
 * a start that finds other queues (a directory was lost, or a file of one) makes what is missing again from the log, where it
 * would otherwise serve a queue as empty and give its offsets away a second time.
 */
import { encodeUtf8 } from "../../wire/bytes.ts";
import type { Digest } from "../runtime.ts";
import type { LogicQueue } from "./logic_queue.ts";

/** Never 0, which stands for "unknown". Queues without a message do not count. */
export function sumOfQueues(queues: Iterable<LogicQueue>, digest: Pick<Digest, "crc32">): number {
  const lines: string[] = [];
  for (const { topic, queueId, maxOffset } of queues) if (maxOffset > 0) lines.push(`${topic}/${queueId} ${maxOffset}`);
  return (digest.crc32(encodeUtf8(lines.sort().join("\n"))) >>> 0) + 1;
}
