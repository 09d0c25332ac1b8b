/**
 * Requests for static topics: the queue a client names is a logic one. It becomes the physical queue before the processor
 * sees it, and comes back in what the processor answers; so processors know physical queues only. A logic queue that is not
 * led here is refused with NOT_LEADER_FOR_QUEUE, upon which a client looks for its broker again. For one that was moved here
 * from another broker see `moved_queues.ts`.
 */
import type { LogicQueueMappingItem } from "../../wire/bodies/static_topic.ts";
import { NO_BODY } from "../../wire/remoting_command.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { type Processor, type ProcessorMap, RemotingError, type RequestContext, type TypedReply } from "../remoting/processor.ts";
import type { TopicQueueMappingManager } from "./metadata/static_topics.ts";
import { type AskHere, askMoved, type MovedName, sentOffset } from "./moved_queues.ts";
import type { BrokerSettings } from "./options.ts";
import type { InvokeBroker } from "./remote_brokers.ts";

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

type Mend = (reply: AnyReply, asked: QueueHeader, logicId: number, item: LogicQueueMappingItem) => AnyReply;

/** The same processors; those for queues take logic queues of static topics. */
export function withStaticTopics(
  processors: BrokerProcessors,
  mappings: TopicQueueMappingManager,
  settings: Pick<BrokerSettings, "brokerName">,
  invoke: InvokeBroker,
): BrokerProcessors {
  const { brokerName } = settings;
  const hereIn =
    (context: RequestContext): AskHere =>
    async (name, header) =>
      (processors[name] as unknown as AnyProcessor)(context, { header, body: NO_BODY });
  /** The sender is told the queue it knows. */
  const sentTo: Mend = (reply, { topic }, logicId, item) => {
    const { header } = reply as TypedReply<"SEND_MESSAGE">;
    if (header === undefined) return reply;
    const queueOffset = sentOffset(`${topic}-${logicId}`, item, header.queueOffset, brokerName);
    return { ...reply, header: { ...header, queueId: logicId, queueOffset } };
  };
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
      // Apache stores it, and then refuses it.
      if ((SENDS as readonly string[]).includes(name)) sentOffset(`${header.topic}-${logicId}`, item, 0, brokerName);
      const isPlain = items.length === 1 && item.logicOffset === 0 && item.startOffset === 0;
      if (!isPlain && !(SENDS as readonly string[]).includes(name)) {
        const moved = { topic: header.topic, brokerName: mapping.bname, items, here: hereIn(context), there: invoke };
        // The two ways to pull are one.
        const asked = name === "LITE_PULL_MESSAGE" ? "PULL_MESSAGE" : (name as MovedName);
        return askMoved(moved, asked, header as RequestHeaderOf<MovedName>);
      }
      const reply = processor(context, { ...request, header: { ...header, queueId: item.queueId } });
      if (mend === undefined || reply === undefined) return reply;
      const mended = (each: AnyReply | undefined) => (each === undefined ? undefined : mend(each, header, logicId, item));
      // A promise, whatever was promised: static topics are few.
      return "then" in reply ? Promise.resolve(reply).then(mended) : mended(reply);
    };
    return [name, outer as unknown as Processor<Translated>] as const;
  };
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

/** Beyond the end there may be more to come, perhaps elsewhere: the client is to wait, not to go back. */
const pulled: Mend = (reply, asked) => {
  const { header } = reply as TypedReply<"PULL_MESSAGE">;
  if (header === undefined) return reply;
  const beyond = reply.code === ResponseCode.PULL_OFFSET_MOVED && (asked as { queueOffset?: number }).queueOffset;
  const mended = { ...reply, header: { ...header, offsetDelta: 0 } };
  return typeof beyond === "number" && beyond > header.maxOffset ? { ...mended, code: ResponseCode.PULL_NOT_FOUND } : mended;
};
