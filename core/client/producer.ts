/**
 * Sends messages. `send` settles when the broker has stored the message the way it is configured to (or rejects); a send
 * that fails is tried again on another broker, within its time-out, with the same UNIQ_KEY.
 *
 * What was acknowledged is stored; what was rejected may still be (an answer can get lost), so a message can be there twice
 * but not be missing.
 */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import {
  type ReplyMessageRequestHeader,
  recallMessageResponseHeader,
  sendMessageResponseHeader,
} from "../../wire/headers/send.ts";
import type { CheckTransactionStateRequestHeader } from "../../wire/headers/transaction.ts";
import { hashCode } from "../../wire/java_hash.ts";
import { SYS_FLAG_TRANSACTION_PREPARED } from "../../wire/message.ts";
import { MessageConst } from "../../wire/message_const.ts";
import type { StoredMessage } from "../../wire/message_reader.ts";
import { AUTO_CREATE_TOPIC } from "../../wire/mix_all.ts";
import { decodeRecallHandle, type RecallHandle } from "../../wire/recall_handle.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import type { Peer } from "../remoting/processor.ts";
import type { Clock } from "../runtime.ts";
import { type BodyCompressor, bodyCompressor, type CompressType } from "./body_compression.ts";
import type { ClientInstance } from "./client_instance.ts";
import type { ProducerMember } from "./client_processors.ts";
import { badReply, expectSuccess, MQBrokerError, MQClientError, readReply } from "./errors.ts";
import type { Message, MessageExt } from "./message.ts";
import { QueueSelection } from "./queue_selection.ts";
import { createReplyMessage, MSG_TYPE_REPLY, WaitingRequests } from "./request_reply.ts";
import { checkTopic, type Outgoing, outgoing, outgoingBatches, type SendResult, sendResult } from "./send_request.ts";
import { leaderOf, type TopicRoute } from "./topic_route.ts";
import { TRACED_TYPE, type TracedSend } from "./trace_data.ts";
import { InFlight, inTime, settledWithin } from "./waiting.ts";

export interface ProducerOptions {
  readonly producerGroup: string;
  /** For all tries together, ms; default 3,000. */
  readonly sendMsgTimeout?: number;
  /** Tries beyond the first; default 2. */
  readonly retryTimesWhenSendFailed?: number;
  /** Another broker is tried also when one stored the message without the flush or slave asked for; default false. */
  readonly retryAnotherBrokerWhenNotStoreOK?: boolean;
  /** Bodies from this many bytes on are compressed; default 4,096. */
  readonly compressMsgBodyOverHowmuch?: number;
  /** Default ZLIB, which consumers of all versions read; ZSTD needs Bun, Deno or Node from 22.15 on. */
  readonly compressType?: CompressType;
  /** ZLIB 0..9, ZSTD 1..22; default 5. */
  readonly compressLevel?: number;
  /** Bytes of a body, or of one batch; default 4 MiB, which is the broker's. */
  readonly maxMessageSize?: number;
  /** Queues of a topic that the broker makes on the first message; default 4. */
  readonly defaultTopicQueueNums?: number;
  /** Pass over brokers that were slow or broken lately; default false. */
  readonly sendLatencyFaultEnable?: boolean;
  /** Sends under way at most; default 1,024. Others wait their turn. */
  readonly backPressureForAsyncSendNum?: number;
  /** Bytes of bodies under way at most; default 100 MiB. What one broker has not read of it waits here from 32 MiB on. */
  readonly backPressureForAsyncSendSize?: number;
}

export interface SendOptions {
  readonly signal?: AbortSignal;
  /** For all tries together, ms. */
  readonly timeoutMs?: number;
  /** This queue and no other: not tried again elsewhere. */
  readonly messageQueue?: MessageQueue;
  /** Messages with one key go to one queue, in the order of their sends, as long as the topic's queues stay the same. */
  readonly shardingKey?: string;
  /** Chooses among the topic's queues. */
  readonly selector?: (queues: readonly MessageQueue[]) => MessageQueue;
}

/** One try of a send. Times by Clock.monotonic(). */
interface Try {
  readonly startedAt: number;
  /** Of all tries. */
  readonly deadline: number;
  /** Of all tries, ms. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

const SEND_TIMEOUT_MS = 3_000;
const MAX_MESSAGE_SIZE = 4 * 1024 * 1024;
/** Sends that may wait for room; each holds its message. */
const WAITING_SENDS_MAX = 100_000;

/** Another broker may do what this one refused. */
const RETRY_CODES: ReadonlySet<number> = new Set<number>([
  ResponseCode.TOPIC_NOT_EXIST,
  ResponseCode.SERVICE_NOT_AVAILABLE,
  ResponseCode.SYSTEM_ERROR,
  ResponseCode.SYSTEM_BUSY,
  ResponseCode.NO_PERMISSION,
  ResponseCode.NO_BUYER_ID,
  ResponseCode.NOT_IN_CURRENT_UNIT,
  ResponseCode.GO_AWAY,
  ResponseCode.NOT_LEADER_FOR_QUEUE,
]);
/** The route that led there is out of date. */
const WRONG_ROUTE_CODES: ReadonlySet<number> = new Set<number>([
  ResponseCode.TOPIC_NOT_EXIST,
  ResponseCode.NO_PERMISSION,
  ResponseCode.INVALID_PARAMETER,
  ResponseCode.GO_AWAY,
  ResponseCode.NOT_LEADER_FOR_QUEUE,
]);

export class Producer implements ProducerMember, AsyncDisposable {
  readonly producerGroup: string;
  protected readonly client: ClientInstance;
  readonly #options: ProducerOptions;
  readonly #limits: { compressMsgBodyOverHowmuch: number; maxMessageSize: number };
  readonly #compressor: BodyCompressor;
  readonly #selection: QueueSelection;
  readonly #inFlight: InFlight;
  readonly #forget: () => void;
  readonly #requests: WaitingRequests;
  #announced: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** @throws MQClientError kind invalid for a group without name, or a compression that the runtime has not */
  constructor(client: ClientInstance, options: ProducerOptions) {
    if (options.producerGroup.trim() === "") throw new MQClientError("invalid", "producerGroup is blank");
    const { clock, random } = client.runtime;
    this.client = client;
    this.producerGroup = client.namespace.wrap(options.producerGroup);
    this.#options = options;
    const { compressMsgBodyOverHowmuch = 4_096, maxMessageSize = MAX_MESSAGE_SIZE } = options;
    this.#limits = { compressMsgBodyOverHowmuch, maxMessageSize };
    this.#compressor = bodyCompressor(client.runtime.compression, options.compressType ?? "ZLIB", options.compressLevel ?? 5);
    this.#selection = new QueueSelection(clock, random, options.sendLatencyFaultEnable ?? false);
    this.#inFlight = new InFlight({
      countMax: options.backPressureForAsyncSendNum ?? 1_024,
      bytesMax: options.backPressureForAsyncSendSize ?? 100 * 1024 * 1024,
      waitingMax: WAITING_SENDS_MAX,
    });
    this.#requests = new WaitingRequests(client.runtime);
    client.addProducer(this);
    this.#forget = client.onClose(() => this.close());
  }

  /**
   * Sends one message and waits until it is stored.
   * @throws MQClientError kind invalid, no-route, unreachable, timeout, overloaded or closed; MQBrokerError when the broker
   *   refuses; the signal's reason
   */
  async send(message: Message, options: SendOptions = {}): Promise<SendResult> {
    if (this.compressorLoading !== undefined) await this.compressorLoading;
    return this.sendOutgoing(this.#prepare(message), options);
  }

  /** Sends in batches of at most `maxMessageSize` bytes, one after another; a result each. @throws as `send` */
  async sendBatch(messages: readonly Message[], options: SendOptions = {}): Promise<SendResult[]> {
    this.#checkOpen();
    const inNamespace = messages.map((message) => this.#wrapped(message));
    for (const { topic } of inNamespace) checkTopic(topic);
    const results: SendResult[] = [];
    for (const batch of outgoingBatches(inNamespace, this.#limits, this.client.uniqKeys)) {
      results.push(await this.sendOutgoing(batch, options));
    }
    return results;
  }

  /**
   * Sends and asks for no answer: settles when the request is on its way, and nobody hears whether it arrived. What is under way
   * counts as a send's does until the broker has read enough of it, so a loop that awaits goes as fast as the broker reads.
   * It is not tried again; one whose broker can't be reached asks for the route before it rejects, so that the next finds another.
   * @throws as `send`, except for what a broker would say
   */
  async sendOneway(message: Message, options: SendOptions = {}): Promise<void> {
    if (this.compressorLoading !== undefined) await this.compressorLoading;
    const out = this.#prepare(message);
    options.signal?.throwIfAborted();
    const bytes = out.body.length;
    const timeoutMs = this.timeoutOf(options);
    const deadline = this.client.runtime.clock.monotonic() + timeoutMs;
    const room = this.#inFlight.enter(bytes, options.signal);
    if (room !== undefined) await this.#waitForRoom(room, bytes, out.topic, timeoutMs);
    try {
      await this.#sendOnewayBefore(deadline, out, options, timeoutMs);
    } finally {
      this.#inFlight.leave(bytes);
    }
  }

  async #sendOnewayBefore(deadline: number, out: Outgoing, options: SendOptions, timeoutMs: number): Promise<void> {
    const { signal } = options;
    const leftMs = () => Math.max(1, deadline - this.client.runtime.clock.monotonic());
    const route = this.client.knownRoute(out.topic) ?? (await this.#routeInTime(out.topic, signal, leftMs(), timeoutMs));
    const queue = this.#choose(route, options, undefined);
    const address = await this.#masterInTime(queue, signal, leftMs(), timeoutMs);
    const header = this.#header(out, queue, leaderOf(route, queue));
    const startedAt = this.client.runtime.clock.monotonic();
    const call = { body: out.body, timeoutMs: leftMs(), signal };
    try {
      await this.client.oneway(`send to topic "${out.topic}"`, address, "SEND_MESSAGE_V2", header, call);
    } catch (fault) {
      // That it left says nothing of the broker; that it did not says what a failed send says.
      if (retriable(fault)) await this.#learnFailure(fault, queue, startedAt, deadline, signal);
      throw fault;
    }
  }

  /**
   * Sends `message` to whoever consumes its topic, and waits for the reply of one of them (`reply` there).
   * @param options timeoutMs: for the send and the reply together; default `sendMsgTimeout`
   * @throws as `send`; MQClientError kind timeout when no reply comes, closed when the producer is closed before
   */
  async request(message: Message, options: SendOptions = {}): Promise<MessageExt> {
    const { clock } = this.client.runtime;
    const timeoutMs = this.timeoutOf(options);
    const deadline = clock.monotonic() + timeoutMs;
    await this.announce(this.client.namespace.wrap(message.topic), options);
    const expected = this.#requests.expect(message, this.client.clientId, timeoutMs);
    let reply: MessageExt | undefined;
    const arrived = expected.reply.then((each) => {
      reply = each;
    });
    try {
      await this.send(expected.message, { ...options, timeoutMs: Math.max(1, deadline - clock.monotonic()) });
      await settledWithin(clock, arrived, Math.max(1, deadline - clock.monotonic()), options.signal);
    } finally {
      this.#requests.forget(expected.correlationId);
    }
    if (reply !== undefined) return reply;
    if (this.#closing !== undefined) {
      throw new MQClientError(
        "closed",
        `Cannot request from topic "${message.topic}": the message is stored, and the producer was closed before a reply came`,
      );
    }
    throw new MQClientError(
      "timeout",
      `Cannot request from topic "${message.topic}": the message is stored, and no reply came within ${timeoutMs} ms. Does somebody consume it, and reply?`,
    );
  }

  /** Answers a message that was sent with `request`. @throws as `send`; MQBrokerError when the asker is not there any more */
  async reply(request: MessageExt, answer: Omit<Message, "topic">, options: SendOptions = {}): Promise<SendResult> {
    return this.send(createReplyMessage(request, answer), options);
  }

  /**
   * Takes a message with a delay of seconds, milliseconds or to a point in time back, before its time.
   * @param recallHandle of its SendResult. @returns its UNIQ_KEY
   * @throws MQClientError kind invalid; MQBrokerError NO_PERMISSION where the broker has not recallMessageEnable, ILLEGAL_OPERATION
   *   for a handle that is not of this topic and broker, or whose time has come
   */
  async recall(topic: string, recallHandle: string, options: { signal?: AbortSignal } = {}): Promise<string> {
    this.#checkOpen();
    const tried = `recall a message of topic "${topic}"`;
    const { brokerName, messageId } = recallHandleOf(tried, recallHandle);
    const wrapped = this.client.namespace.wrap(topic);
    const address = await this.client.masterOf({ topic: wrapped, brokerName, queueId: 0 }, options.signal);
    const header = { producerGroup: this.producerGroup, topic: wrapped, recallHandle, bname: brokerName };
    const reply = await this.client.invoke(tried, address, "RECALL_MESSAGE", header, options);
    const region = reply.extFields?.MSG_REGION;
    const success = reply.code === ResponseCode.SUCCESS;
    if (region !== undefined) {
      const time = this.client.runtime.clock.now();
      this.client.trace?.recalled({ time, region, group: this.producerGroup, topic: wrapped, msgId: messageId, success });
    }
    const { extFields } = expectSuccess(tried, address, reply);
    return readReply(tried, address, () => recallMessageResponseHeader.decode(extFields)).msgId;
  }

  /** The queues that messages of `topic` can go to. */
  async fetchPublishMessageQueues(topic: string, options: { signal?: AbortSignal } = {}): Promise<readonly MessageQueue[]> {
    const { namespace } = this.client;
    return (await this.#route(namespace.wrap(topic), options.signal)).writeQueues.map((queue) => namespace.unwrapQueue(queue));
  }

  /** Leaves the group. Sends under way go on; requests that wait for a reply are rejected, since brokers have nobody to hand it to. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#forget();
    this.#requests.end();
    await this.client.removeMember({ producer: this });
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new MQClientError("closed", `Producer of group "${this.producerGroup}" was closed`);
  }

  /** Undefined once the compressor is loaded; most need no loading at all. A message is read in the turn of its send then. */
  protected get compressorLoading(): Promise<void> | undefined {
    return this.#compressor.ready;
  }

  #prepare(message: Message): Outgoing {
    this.#checkOpen();
    const inNamespace = this.#wrapped(message);
    checkTopic(inNamespace.topic);
    return outgoing(inNamespace, this.#limits, this.client.uniqKeys, this.#compressor);
  }

  /** Brokers call producers that they know from heartbeats: this one is known to those of `topic` when it settles. */
  protected async announce(topic: string, options: SendOptions): Promise<void> {
    const timeoutMs = this.timeoutOf(options);
    const { clock } = this.client.runtime;
    const deadline = clock.monotonic() + timeoutMs;
    await this.#routeInTime(topic, options.signal, timeoutMs, timeoutMs);
    this.#announced ??= this.client.beat();
    // A broker that is silent to this is silent to what comes next, and is named then.
    await settledWithin(clock, this.#announced, Math.max(1, deadline - clock.monotonic()), options.signal);
  }

  /** Of a send with these options, ms. */
  protected timeoutOf(options: SendOptions): number {
    return options.timeoutMs ?? this.#options.sendMsgTimeout ?? SEND_TIMEOUT_MS;
  }

  takeReply(header: ReplyMessageRequestHeader, body: Uint8Array): boolean {
    return this.#requests.take(header, body);
  }

  /** Asked what became of a half message; a plain producer sends none, so it has nothing to say. */
  checkTransactionState(_broker: Peer, _header: CheckTransactionStateRequestHeader, _record: StoredMessage): void {}

  /** The message as brokers see it. A reply goes to a topic of the cluster, which is in no namespace. */
  #wrapped(message: Message): Message {
    const topic =
      message.properties?.[MessageConst.MSG_TYPE] === MSG_TYPE_REPLY ? message.topic : this.client.namespace.wrap(message.topic);
    return topic === message.topic ? message : { ...message, topic };
  }

  /** For transactions: a half message. */
  protected prepareHalf(message: Message): Outgoing {
    this.#checkOpen();
    const inNamespace = this.#wrapped(message);
    checkTopic(inNamespace.topic);
    const { uniqKeys } = this.client;
    return outgoing(inNamespace, this.#limits, uniqKeys, this.#compressor, { producerGroup: this.producerGroup });
  }

  /** Sends what was prepared, within the bounds on what is under way. */
  protected async sendOutgoing(out: Outgoing, options: SendOptions): Promise<SendResult> {
    options.signal?.throwIfAborted();
    const bytes = out.body.length;
    const room = this.#inFlight.enter(bytes, options.signal);
    const timeoutMs = this.timeoutOf(options);
    const startedAt = this.client.runtime.clock.monotonic();
    if (room !== undefined) await this.#waitForRoom(room, bytes, out.topic, timeoutMs);
    try {
      const result = await this.#sendTrying(out, options, startedAt, timeoutMs);
      const messageQueue = this.client.namespace.unwrapQueue(result.messageQueue);
      return messageQueue === result.messageQueue ? result : { ...result, messageQueue };
    } finally {
      this.#inFlight.leave(bytes);
    }
  }

  async #waitForRoom(room: Promise<void>, bytes: number, topic: string, timeoutMs: number): Promise<void> {
    let late = false;
    const wait = room.then(() => {
      if (late) this.#inFlight.leave(bytes);
    });
    const noRoom = () => {
      late = true;
      return new MQClientError(
        "timeout",
        `Cannot send to topic "${topic}": ${timeoutMs} ms went by while other sends of this producer were under way. Send less at a time, or raise backPressureForAsyncSendNum and backPressureForAsyncSendSize`,
      );
    };
    await inTime(this.client.runtime.clock, wait, timeoutMs, noRoom);
  }

  async #sendTrying(out: Outgoing, options: SendOptions, begunAt: number, timeoutMs: number): Promise<SendResult> {
    const { clock } = this.client.runtime;
    const deadline = begunAt + timeoutMs;
    const { signal } = options;
    // To a queue of the caller's choice there is no other broker.
    const fixed = options.messageQueue !== undefined || options.selector !== undefined || options.shardingKey !== undefined;
    const triesMax = fixed ? 1 : 1 + (this.#options.retryTimesWhenSendFailed ?? 2);
    let last: { brokerName: string; fault: unknown; result?: SendResult } | undefined;
    for (let tries = 0; tries < triesMax; tries++) {
      let startedAt = clock.monotonic();
      let leftMs = deadline - startedAt;
      if (leftMs <= 0) break;
      let route = this.client.knownRoute(out.topic);
      if (route === undefined) {
        route = await this.#routeInTime(out.topic, signal, leftMs, timeoutMs);
        startedAt = clock.monotonic();
        leftMs = deadline - startedAt;
        if (leftMs <= 0) break;
      }
      const queue = this.#choose(route, options, last?.brokerName);
      try {
        const result = await this.#sendOnce(out, route, queue, { startedAt, deadline, timeoutMs, signal });
        this.#selection.learn(queue.brokerName, startedAt, false);
        if (result.sendStatus === "SEND_OK" || this.#options.retryAnotherBrokerWhenNotStoreOK !== true) return result;
        last = { brokerName: queue.brokerName, fault: undefined, result };
      } catch (fault) {
        if (!retriable(fault)) {
          // A queue that is not there any more: nobody else would take it either, but the next send should not choose it.
          if (fault instanceof MQBrokerError && routeMayBeWrong(fault)) void this.#refresh(out.topic);
          throw fault;
        }
        last = { brokerName: queue.brokerName, fault };
        await this.#learnFailure(fault, queue, startedAt, deadline, signal);
      }
    }
    if (last?.result !== undefined) return last.result;
    throw (
      last?.fault ??
      new MQClientError("timeout", `Cannot send to topic "${out.topic}": ${timeoutMs} ms went by before a broker was asked`)
    );
  }

  /** After a try that failed: its broker counts as broken, and the route is asked for if it may be what was wrong, until `deadline`. */
  async #learnFailure(
    fault: unknown,
    { topic, brokerName }: MessageQueue,
    startedAt: number,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { clock } = this.client.runtime;
    this.#selection.learn(brokerName, startedAt, true);
    const restMs = deadline - clock.monotonic();
    if (routeMayBeWrong(fault) && restMs > 0) await settledWithin(clock, this.#refresh(topic), restMs, signal);
  }

  async #routeInTime(topic: string, signal: AbortSignal | undefined, leftMs: number, timeoutMs: number): Promise<TopicRoute> {
    const late = () =>
      new MQClientError(
        "timeout",
        `Cannot send to topic "${topic}": no nameserver said within the ${timeoutMs} ms of this send where it is`,
      );
    return inTime(this.client.runtime.clock, Promise.resolve(this.#route(topic, signal)), leftMs, late);
  }

  /** The master of a queue that the route at hand has none for: of the caller's choice, or of a broker that lost it. */
  #masterInTime(queue: MessageQueue, signal: AbortSignal | undefined, leftMs: number, timeoutMs: number): Promise<string> {
    const late = () =>
      new MQClientError(
        "timeout",
        `Cannot send to topic "${queue.topic}": no nameserver said within the ${timeoutMs} ms of this send which broker is the master of "${queue.brokerName}"`,
      );
    return inTime(this.client.runtime.clock, this.client.masterOf(queue, signal), leftMs, late);
  }

  async #sendOnce(
    out: Outgoing,
    route: TopicRoute,
    queue: MessageQueue,
    { startedAt, deadline, timeoutMs, signal }: Try,
  ): Promise<SendResult> {
    const { clock } = this.client.runtime;
    const tried = () => `send to topic "${out.topic}", queue ${queue.queueId} of ${queue.brokerName}`;
    const brokerName = leaderOf(route, queue);
    let leftMs = deadline - startedAt;
    let address = route.masters.get(brokerName);
    if (address === undefined) {
      address = await this.#masterInTime(queue, signal, leftMs, timeoutMs);
      leftMs = Math.max(1, deadline - clock.monotonic());
    }
    const name = out.batch ? "SEND_BATCH_MESSAGE" : out.reply ? "SEND_REPLY_MESSAGE_V2" : "SEND_MESSAGE_V2";
    const header = this.#header(out, queue, brokerName);
    const reply = await this.client.invoke(tried, address, name, header, { body: out.body, timeoutMs: leftMs, signal });
    let result: SendResult | undefined;
    try {
      result = sendResult(out, queue, reply.code, () => sendMessageResponseHeader.decode(reply.extFields), reply.extFields);
    } catch (fault) {
      throw badReply(tried(), address, fault);
    }
    if (result === undefined) throw new MQBrokerError(tried(), address, reply);
    const { trace } = this.client;
    if (trace !== undefined && reply.extFields?.TRACE_ON !== "false") {
      trace.sent(tracedSend(this.producerGroup, out, result, address, startedAt, clock));
    }
    return result;
  }

  #header(out: Outgoing, queue: MessageQueue, brokerName: string): RequestHeaderOf<"SEND_MESSAGE_V2"> {
    return {
      producerGroup: this.producerGroup,
      topic: out.topic,
      defaultTopic: AUTO_CREATE_TOPIC,
      defaultTopicQueueNums: this.defaultTopicQueueNums,
      queueId: queue.queueId,
      sysFlag: out.sysFlag,
      bornTimestamp: this.client.runtime.clock.now(),
      flag: out.flag,
      properties: out.properties,
      reconsumeTimes: 0,
      unitMode: this.client.unitMode,
      batch: out.batch,
      brokerName,
    };
  }

  protected get defaultTopicQueueNums(): number {
    return this.#options.defaultTopicQueueNums ?? 4;
  }

  #route(topic: string, signal: AbortSignal | undefined): Promise<TopicRoute> | TopicRoute {
    return this.client.knownRoute(topic) ?? this.client.route(topic, { createWith: this.defaultTopicQueueNums, signal });
  }

  async #refresh(topic: string): Promise<void> {
    try {
      await this.client.refreshRoute(topic, this.defaultTopicQueueNums);
    } catch (fault) {
      this.client.log.warn("a route that may be wrong was not refreshed", { topic, reason: (fault as Error).message });
    }
  }

  #choose({ topic, writeQueues }: TopicRoute, options: SendOptions, lastBrokerName: string | undefined): MessageQueue {
    const { messageQueue, selector, shardingKey } = options;
    if (messageQueue !== undefined) return this.client.namespace.wrapQueue(messageQueue);
    if (writeQueues.length === 0) {
      throw new MQClientError(
        "no-route",
        `Topic "${topic}" has no queue that can be written: look at its perm, and whether its brokers have a master`,
      );
    }
    const { namespace } = this.client;
    if (selector !== undefined) return namespace.wrapQueue(selector(writeQueues.map((queue) => namespace.unwrapQueue(queue))));
    if (shardingKey !== undefined) {
      // Java's SelectMessageQueueByHash: both put a key into the same queue.
      const value = hashCode(shardingKey) % writeQueues.length;
      return writeQueues[Math.abs(value)] as MessageQueue;
    }
    return this.#selection.select(writeQueues, lastBrokerName);
  }
}

/** @throws MQClientError kind invalid */
function recallHandleOf(tried: string, handle: string): RecallHandle {
  try {
    return decodeRecallHandle(handle);
  } catch (fault) {
    throw new MQClientError("invalid", `Cannot ${tried}: ${(fault as Error).message}`, fault);
  }
}

const retriable = (fault: unknown): boolean =>
  fault instanceof MQBrokerError
    ? RETRY_CODES.has(fault.responseCode)
    : fault instanceof MQClientError && ["unreachable", "timeout", "bad-reply"].includes(fault.kind);

const routeMayBeWrong = (fault: unknown): boolean =>
  fault instanceof MQBrokerError ? WRONG_ROUTE_CODES.has(fault.responseCode) : true;

function tracedSend(
  group: string,
  { topic, body, sysFlag, message }: Outgoing,
  { msgId, offsetMsgId, regionId, sendStatus }: SendResult,
  storeHost: string,
  startedAt: number,
  clock: Clock,
): TracedSend {
  const costMs = Math.round(clock.monotonic() - startedAt);
  const { tags, keys, delayTimeLevel, delayTimeMs, delayTimeSec, deliverTimeMs } = message;
  const delayed = (delayTimeLevel ?? delayTimeMs ?? delayTimeSec ?? deliverTimeMs) !== undefined;
  const half = (sysFlag & SYS_FLAG_TRANSACTION_PREPARED) !== 0;
  return {
    time: clock.now() - costMs,
    region: regionId,
    group,
    topic,
    msgId,
    tags,
    keys: typeof keys === "object" ? keys.join(" ") : keys,
    storeHost,
    bodyLength: body.length,
    costMs,
    type: half ? TRACED_TYPE.half : delayed ? TRACED_TYPE.delay : TRACED_TYPE.normal,
    offsetMsgId,
    success: sendStatus === "SEND_OK",
  };
}
