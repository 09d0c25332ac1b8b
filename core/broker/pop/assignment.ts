/**
 * QUERY_ASSIGNMENT: the broker divides the queues of a topic among the clients of a group, for clients that leave it to the
 * broker; and SET_MESSAGE_REQUEST_MODE, which says for a group and topic whether it pulls or pops.
 *
 * With POP a queue may be shared: with popShareQueueNum clients, or, without a bound, with all, who then ask each broker for
 * any of its queues (queueId -1).
 *
 * POP knows nothing of the logic queues of static topics, in Apache and here: assigned are the queues of brokers, and each message
 * lies in one of them, whichever logic queue it is of and wherever that was moved since. For who pulls these are logic queues,
 * as its pulls name logic ones; Apache assigns the queues of brokers then, too.
 */
import {
  type MessageQueueAssignment,
  messageRequestModeSerializeWrapper,
  queryAssignmentRequestBody,
  queryAssignmentResponseBody,
  type SetMessageRequestModeRequestBody,
  setMessageRequestModeRequestBody,
} from "../../../wire/bodies/assignment.ts";
import type { MessageQueue } from "../../../wire/bodies/message_queue.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError } from "../../remoting/processor.ts";
import { ConfigFile } from "../../store/config_file.ts";
import type { BrokerParts } from "../parts.ts";

/** Topics and groups with a mode of their own. */
const MODES_MAX = 100_000;
const AVG_BY_CIRCLE = "AVG_BY_CIRCLE";
/** Apache's broker knows these two of the client's. */
const STRATEGIES = ["AVG", AVG_BY_CIRCLE] as const;
export type Strategy = (typeof STRATEGIES)[number];
const isStrategy = (name: string): name is Strategy => (STRATEGIES as readonly string[]).includes(name);

/**
 * All queues of a topic that may be read, of every broker that has it; undefined when no nameserver can say. `asLogic`: of a
 * static topic its logic queues.
 */
export type QueuesOfTopic = (topic: string, asLogic: boolean) => Promise<readonly MessageQueue[] | undefined>;

type Parts = Pick<BrokerParts, "runtime" | "log" | "settings" | "consumers" | "topics" | "groups">;

export class QueueAssignment {
  readonly #parts: Parts;
  readonly #queuesOf: QueuesOfTopic;
  readonly #file: ConfigFile;
  /** Topic -> group -> mode. */
  readonly #modes = new Map<string, Map<string, SetMessageRequestModeRequestBody>>();
  #count = 0;

  constructor(parts: Parts, queuesOf: QueuesOfTopic) {
    this.#parts = parts;
    this.#queuesOf = queuesOf;
    this.#file = new ConfigFile(
      parts.runtime.files,
      parts.log,
      `${parts.settings.storePathRootDir}/config/messageRequestMode.json`,
    );
  }

  /** @throws Error when the file is there and can't be read. */
  load(): void {
    const saved = this.#file.load((text) => messageRequestModeSerializeWrapper.parse(text));
    for (const groups of saved?.messageRequestModeMap.values() ?? []) for (const mode of groups.values()) this.#put(mode);
  }

  /** Text of messageRequestMode.json (code 402). */
  toJson(): string {
    return messageRequestModeSerializeWrapper.format({ messageRequestModeMap: this.#modes });
  }

  /** @throws RemotingError */
  setMode(body: Uint8Array): void {
    const mode = setMessageRequestModeRequestBody.decode(body);
    if (mode.topic.startsWith(RETRY_PREFIX)) {
      throw new RemotingError(ResponseCode.NO_PERMISSION, "retry topic is not allowed to set mode");
    }
    if (this.#parts.topics.find(mode.topic) === undefined) {
      throw new RemotingError(ResponseCode.TOPIC_NOT_EXIST, `topic[${mode.topic}] not exist`);
    }
    if (this.#parts.groups.findOrCreate(mode.consumerGroup) === undefined) {
      throw new RemotingError(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, "subscription group does not exist");
    }
    if (this.#modeOf(mode.topic, mode.consumerGroup) === undefined && this.#count >= MODES_MAX) {
      throw new RemotingError(
        ResponseCode.SYSTEM_ERROR,
        `${this.#count} groups have a mode of their own; ${MODES_MAX} are allowed`,
      );
    }
    this.#put(mode);
    this.#file.save(messageRequestModeSerializeWrapper.format({ messageRequestModeMap: this.#modes }, { pretty: true }));
  }

  /**
   * Without any assignment (the client keeps what it has) for a topic that no nameserver knows, a group without clients and a
   * strategy that is not known, as Apache answers; a client that is not of the group is given no queues.
   */
  async query(body: Uint8Array): Promise<Uint8Array> {
    const { topic, consumerGroup, clientId, strategyName, messageModel } = queryAssignmentRequestBody.decode(body);
    const { settings, log } = this.#parts;
    const own = this.#modeOf(topic, consumerGroup);
    const isRetry = topic.startsWith(RETRY_PREFIX);
    const mode = isRetry ? "PULL" : (own?.mode ?? settings.defaultMessageRequestMode);
    const share = own?.popShareQueueNum ?? settings.defaultPopShareQueueNum;
    const queues = await this.#queuesOf(topic, mode === "PULL");
    if (queues === undefined) {
      log.warn("queues can't be assigned: no nameserver knows a route of the topic", { topic, group: consumerGroup });
      return queryAssignmentResponseBody.encode({});
    }
    let mine = queues;
    if (messageModel !== "BROADCASTING" && settings.serverLoadBalancerEnable) {
      const clients = this.#parts.consumers.clientIds(consumerGroup).sort(byText);
      if (clients.length === 0) return queryAssignmentResponseBody.encode({});
      if (!isStrategy(strategyName)) {
        const strategy = strategyName.slice(0, 60);
        log.warn("queues can't be assigned: no such strategy", {
          strategy,
          known: STRATEGIES.join(),
          topic,
          group: consumerGroup,
        });
        return queryAssignmentResponseBody.encode({});
      }
      mine =
        mode === "POP"
          ? shared(queues, clients, clientId, share, strategyName)
          : divided(queues, clients, clientId, strategyName);
    }
    const messageQueueAssignments = mine.map((messageQueue): MessageQueueAssignment => ({ messageQueue, mode }));
    return queryAssignmentResponseBody.encode({ messageQueueAssignments });
  }

  #modeOf(topic: string, group: string): SetMessageRequestModeRequestBody | undefined {
    return this.#modes.get(topic)?.get(group);
  }

  #put(mode: SetMessageRequestModeRequestBody): void {
    const groups = this.#modes.get(mode.topic) ?? new Map<string, SetMessageRequestModeRequestBody>();
    if (!groups.has(mode.consumerGroup)) this.#count++;
    this.#modes.set(mode.topic, groups.set(mode.consumerGroup, mode));
  }
}

/**
 * The queues of one client when each queue has one client. `AVG`: neighbours stay together; `AVG_BY_CIRCLE`: dealt like cards.
 */
export function divided(
  queues: readonly MessageQueue[],
  clients: readonly string[],
  clientId: string,
  strategy: Strategy,
): MessageQueue[] {
  const sorted = [...queues].sort(byQueue);
  const index = clients.indexOf(clientId);
  if (index < 0) return [];
  if (strategy === AVG_BY_CIRCLE) return sorted.filter((_, i) => i % clients.length === index);
  const rest = sorted.length % clients.length;
  const each = Math.floor(sorted.length / clients.length);
  const from = index * each + Math.min(index, rest);
  return sorted.slice(from, from + each + (index < rest ? 1 : 0));
}

/** With POP: each client's own queues and those of the `share` clients behind it; with everybody where that is all. */
export function shared(
  queues: readonly MessageQueue[],
  clients: readonly string[],
  clientId: string,
  share: number,
  strategy: Strategy,
): MessageQueue[] {
  if (share <= 0 || share >= clients.length - 1) {
    const brokers = new Map(queues.map((queue) => [queue.brokerName, { ...queue, queueId: -1 }]));
    return [...brokers.values()].sort(byQueue);
  }
  // More clients than queues: a client without a queue of its own joins another's.
  const index = clients.indexOf(clientId);
  if (index < 0) return [];
  if (clients.length > queues.length) {
    const sorted = [...queues].sort(byQueue);
    return sorted.length === 0 ? [] : [sorted[index % sorted.length] as MessageQueue];
  }
  const mine = Array.from({ length: share + 1 }, (_, i) => clients[(index + i) % clients.length] as string);
  return mine.flatMap((client) => divided(queues, clients, client, strategy));
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byQueue = (a: MessageQueue, b: MessageQueue): number =>
  byText(a.topic, b.topic) || byText(a.brokerName, b.brokerName) || a.queueId - b.queueId;
