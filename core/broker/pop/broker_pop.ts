/**
 * POP as one: the broker chooses the queue and hands out messages that are invisible until they are acknowledged.
 *
 * Owns the check points, the revive topic and its group's offsets, orderly POP, long polling of POP and NOTIFICATION, and
 * who consumes which queues where the broker decides it. Does not own consumer offsets, the timer that delivers what it
 * writes (`../messages/timer.ts`), nor how a message gets into a topic. Only a master revives.
 */
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import type { TimerMessages } from "../messages/timer.ts";
import type { BrokerParts } from "../parts.ts";
import { AckMessageProcessor } from "./ack.ts";
import { QueueAssignment, type QueuesOfTopic } from "./assignment.ts";
import { PopBufferMerge } from "./buffer_merge.ts";
import { CheckPoints } from "./check_points.ts";
import { NotificationProcessor, type NotificationReply } from "./notification.ts";
import { ConsumerOrderInfoManager, type QueueOfGroup } from "./order_info.ts";
import { PopLongPollingService } from "./polling.ts";
import { PopMessageProcessor, type PopReply } from "./pop.ts";
import { PopReviveService } from "./revive.ts";
import { ReviveLog } from "./revive_log.ts";

export type PopProcessors = Pick<
  ProcessorMap<"broker">,
  | "POP_MESSAGE"
  | "PEEK_MESSAGE"
  | "ACK_MESSAGE"
  | "BATCH_ACK_MESSAGE"
  | "CHANGE_MESSAGE_INVISIBLETIME"
  | "NOTIFICATION"
  | "POLLING_INFO"
  | "QUERY_ASSIGNMENT"
  | "SET_MESSAGE_REQUEST_MODE"
  | "GET_ALL_MESSAGE_REQUEST_MODE"
  | "POP_ROLLBACK"
>;

export class BrokerPop {
  readonly processors: PopProcessors;
  readonly checkPoints: CheckPoints;
  readonly polling: PopLongPollingService<PopReply | undefined>;
  readonly orders: ConsumerOrderInfoManager;
  readonly assignment: QueueAssignment;
  readonly #notifications: PopLongPollingService<NotificationReply | undefined>;
  readonly #revive: PopReviveService;

  constructor(parts: BrokerParts, timer: TimerMessages, queuesOf: QueuesOfTopic) {
    const { runtime, settings, store } = parts;
    const { clock } = runtime;
    const log = new ReviveLog(parts, timer);
    this.checkPoints = new CheckPoints(log, new PopBufferMerge(parts, log));
    this.orders = new ConsumerOrderInfoManager(parts);
    this.polling = new PopLongPollingService<PopReply | undefined>(clock, settings, () => undefined);
    this.#notifications = new PopLongPollingService<NotificationReply | undefined>(clock, settings, () => undefined);
    this.#revive = new PopReviveService(parts, log.topic, this.checkPoints, () => timer.state().dequeueBehindMs);
    this.assignment = new QueueAssignment(parts, queuesOf);
    store.onArrival((arrival) => {
      this.polling.arrived(arrival);
      this.#notifications.arrived(arrival);
    });
    const services = { checkPoints: this.checkPoints, orders: this.orders, polling: this.polling };
    const pop = new PopMessageProcessor(parts, services);
    const ack = new AckMessageProcessor(parts, { ...services, freed: (queue) => this.#freed(parts, queue) });
    const notification = new NotificationProcessor(parts, pop, this.#notifications);
    this.processors = {
      POP_MESSAGE: (context, { header }) => pop.pop(context, header),
      PEEK_MESSAGE: (context, { header }) => pop.peek(context, header),
      ACK_MESSAGE: (context, { header }) => ack.acknowledge(context, header),
      BATCH_ACK_MESSAGE: (context, { body }) => ack.acknowledgeBatch(context, body),
      CHANGE_MESSAGE_INVISIBLETIME: (context, { header }) => ack.changeInvisibleTime(context, header),
      NOTIFICATION: (context, { header }) => notification.notify(context, header),
      POLLING_INFO: (_context, { header: { topic, consumerGroup, queueId } }) => ({
        header: { pollingNum: this.polling.countOf({ topic, group: consumerGroup, queueId }) },
      }),
      QUERY_ASSIGNMENT: async (_context, { body }) => ({ body: await this.assignment.query(body) }),
      SET_MESSAGE_REQUEST_MODE: (_context, { body }) => {
        this.assignment.setMode(body);
        return {};
      },
      POP_ROLLBACK: () => {
        refuseRocksDbRecords(parts);
        return {};
      },
      GET_ALL_MESSAGE_REQUEST_MODE: () => ({ body: new TextEncoder().encode(this.assignment.toJson()) }),
    };
  }

  /** @throws Error naming the file that can't be read. */
  load(): void {
    this.orders.load();
    this.assignment.load();
  }

  /** Begins what only a master does. Everything must be loaded. */
  start(): void {
    this.orders.start();
    this.#revive.start();
  }

  async stop(): Promise<void> {
    this.checkPoints.buffer.flush();
    await this.#revive.stop();
    this.orders.stop();
  }

  /** Answers all that wait. */
  close(): void {
    this.polling.close();
    this.#notifications.close();
  }

  /** A queue of an orderly group may have become free, now or when what is open of it is due again. */
  #freed({ runtime: { clock }, settings }: BrokerParts, queue: QueueOfGroup): void {
    const wake = () => {
      this.polling.notify(queue);
      this.#notifications.notify(queue);
    };
    if (!this.orders.isBlocked(queue, undefined, clock.now())) {
      wake();
      return;
    }
    const freeAt = settings.enableNotifyAfterPopOrderLockRelease ? this.orders.freeAt(queue) : undefined;
    if (freeAt !== undefined) clock.setTimeout(wake, Math.max(0, freeAt - clock.now()) + 1);
  }
}

/**
 * POP_ROLLBACK moves check points out of RocksDB into the revive topic. Ours are in the revive topic, all of them; those of an
 * Apache broker with popConsumerKVServiceEnable lie in a directory that is not read here.
 * @throws RemotingError when there is such a directory.
 */
function refuseRocksDbRecords({ runtime, settings }: BrokerParts): void {
  const directory = `${settings.storePathRootDir}/kvStore`;
  if (!runtime.files.exists(directory)) return;
  throw new RemotingError(
    ResponseCode.SYSTEM_ERROR,
    `check points of POP in RocksDB (${directory}) can't be moved here: let the Apache broker that wrote them do it (mqadmin exportPopRecord), then remove the directory`,
  );
}
