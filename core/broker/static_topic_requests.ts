/**
 * Requests for static topics: the queue a client names is a logic one. It becomes the physical queue before the processor
 * sees it, and comes back in what the processor answers; so processors know physical queues only. A logic queue that is not
 * here is refused with NOT_LEADER_FOR_QUEUE, upon which a client looks for its broker again.
 */
import { ResponseCode } from "../../wire/response_code.ts";
import { type Processor, type ProcessorMap, RemotingError, type RequestContext, type TypedReply } from "../remoting/processor.ts";
import type { TopicQueueMappingManager } from "./metadata/static_topics.ts";
import type { BrokerSettings } from "./options.ts";

const SENDS = ["SEND_MESSAGE", "SEND_MESSAGE_V2", "SEND_BATCH_MESSAGE"] as const;
const PULLS = ["PULL_MESSAGE", "LITE_PULL_MESSAGE"] as const;
const OFFSETS = [
  "UPDATE_CONSUMER_OFFSET",
  "QUERY_CONSUMER_OFFSET",
  "SEARCH_OFFSET_BY_TIMESTAMP",
  "GET_MAX_OFFSET",
  "GET_MIN_OFFSET",
  "GET_EARLIEST_MSG_STORETIME",
] as const;

type Translated = (typeof SENDS)[number] | (typeof PULLS)[number] | (typeof OFFSETS)[number];
type BrokerProcessors = ProcessorMap<"broker">;

/** What these requests have in common. */
interface QueueHeader {
  readonly topic: string;
  readonly queueId: number;
  readonly lo?: boolean | undefined;
}

interface AnyReply {
  readonly code?: number;
  readonly header?: object;
}

type AnyProcessor = (
  context: RequestContext,
  request: { header: QueueHeader; body: Uint8Array },
) => AnyReply | undefined | PromiseLike<AnyReply | undefined>;

type Mend = (reply: AnyReply, asked: QueueHeader, logicId: number) => AnyReply;

/** The same processors; those for queues take logic queues of static topics. */
export function withStaticTopics(
  processors: BrokerProcessors,
  mappings: TopicQueueMappingManager,
  settings: Pick<BrokerSettings, "brokerName">,
): BrokerProcessors {
  const translated = (name: Translated, missing: (queue: string) => string, mend?: Mend) => {
    const processor = processors[name] as unknown as AnyProcessor;
    const outer: AnyProcessor = (context, request) => {
      if (mappings.isEmpty) return processor(context, request);
      const { header } = request;
      const mapping = header.lo === false ? undefined : mappings.find(header.topic);
      if (mapping === undefined) return processor(context, request);
      const isSend = header.queueId < 0 && (SENDS as readonly string[]).includes(name);
      const logicId = isSend ? (mapping.hostedQueues.keys().next().value ?? -1) : header.queueId;
      const items = mapping.hostedQueues.get(logicId);
      const item = items?.at(-1);
      if (items === undefined || item === undefined || item.bname !== mapping.bname) {
        throw new RemotingError(ResponseCode.NOT_LEADER_FOR_QUEUE, missing(`${header.topic}-${logicId}`));
      }
      if (items.length > 1) {
        throw new RemotingError(
          ResponseCode.SYSTEM_ERROR,
          `${name}: ${header.topic}-${logicId} was moved between brokers (remappingStaticTopic), and such queues are not served yet`,
        );
      }
      const reply = processor(context, { ...request, header: { ...header, queueId: item.queueId } });
      if (mend === undefined || reply === undefined) return reply;
      const mended = (each: AnyReply | undefined) => (each === undefined ? undefined : mend(each, header, logicId));
      // A promise, whatever was promised: static topics are few.
      return "then" in reply ? Promise.resolve(reply).then(mended) : mended(reply);
    };
    return [name, outer as unknown as Processor<Translated>] as const;
  };
  const { brokerName } = settings;
  const notHere = (queue: string) => `${queue} does not exit in request process of current broker ${brokerName}`;
  const noItem = (queue: string) => `${queue} cannot find mapping item in request process of current broker ${brokerName}`;
  const notLeader = (queue: string) => `${queue} is not leader in broker ${brokerName}, request code 31`;
  return {
    ...processors,
    ...Object.fromEntries([
      ...SENDS.map((name) => translated(name, notHere, sentTo)),
      ...PULLS.map((name) => translated(name, noItem, pulled)),
      ...OFFSETS.map((name) => translated(name, name === "GET_MIN_OFFSET" ? notLeader : notHere)),
    ]),
  };
}

/** The sender is told the queue it knows. */
const sentTo: Mend = (reply, _asked, logicId) =>
  reply.header === undefined ? reply : { ...reply, header: { ...reply.header, queueId: logicId } };

/** Beyond the end there may be more to come, perhaps elsewhere: the client is to wait, not to go back. */
const pulled: Mend = (reply, asked) => {
  const { header } = reply as TypedReply<"PULL_MESSAGE">;
  if (header === undefined) return reply;
  const beyond = reply.code === ResponseCode.PULL_OFFSET_MOVED && (asked as { queueOffset?: number }).queueOffset;
  const mended = { ...reply, header: { ...header, offsetDelta: 0 } };
  return typeof beyond === "number" && beyond > header.maxOffset ? { ...mended, code: ResponseCode.PULL_NOT_FOUND } : mended;
};
