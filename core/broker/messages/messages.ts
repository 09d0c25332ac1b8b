/**
 * The broker's message side as one: sending, pulling, offsets, retries, delays, queries and queue locks. `../broker.ts`
 * makes one of these from the parts and merges its processors with those of `../admin/admin.ts` and
 * `../clients/client_processors.ts`.
 *
 * Owns the services that run beside requests (delay delivery, held pulls, locks). Does not own offsets' persistence
 * (`../offsets/offsets.ts`), topics, groups, clients or the store: they are parts. What only a master does is started and stopped by
 * `startMaster` and `stopMaster`.
 */
import { encodeUtf8 } from "../../../wire/bytes.ts";
import type { ProcessorMap } from "../../remoting/processor.ts";
import { FilterThreads } from "../filters/filter_threads.ts";
import { offsetProcessors } from "../offsets/offset_processors.ts";
import type { BrokerParts } from "../parts.ts";
import { TransactionalMessageService, transactionProcessors } from "../transactions/transactions.ts";
import { ColdDataFlowControl, coldDataProcessors } from "./cold_data.ts";
import { delayer } from "./delayer.ts";
import { lockProcessors, RebalanceLockManager } from "./lock.ts";
import { PullMessageProcessor, pullProcessors } from "./pull.ts";
import { PullRequestHoldService } from "./pull_hold.ts";
import { queryProcessors } from "./query.ts";
import { recallProcessors } from "./recall.ts";
import { replyProcessors } from "./reply.ts";
import { ScheduleMessageService } from "./schedule.ts";
import { DelayLevels } from "./schedule_levels.ts";
import { SendMessageProcessor, sendProcessors } from "./send.ts";
import { sendBackProcessors } from "./send_back.ts";
import { TimerMessages } from "./timer.ts";

export type MessageProcessors = Pick<
  ProcessorMap<"broker">,
  | "SEND_MESSAGE"
  | "SEND_MESSAGE_V2"
  | "SEND_BATCH_MESSAGE"
  | "CONSUMER_SEND_MSG_BACK"
  | "PULL_MESSAGE"
  | "LITE_PULL_MESSAGE"
  | "QUERY_MESSAGE"
  | "VIEW_MESSAGE_BY_ID"
  | "QUERY_CONSUMER_OFFSET"
  | "UPDATE_CONSUMER_OFFSET"
  | "GET_MAX_OFFSET"
  | "GET_MIN_OFFSET"
  | "SEARCH_OFFSET_BY_TIMESTAMP"
  | "GET_EARLIEST_MSG_STORETIME"
  | "LOCK_BATCH_MQ"
  | "UNLOCK_BATCH_MQ"
  | "RECALL_MESSAGE"
  | "UPDATE_COLD_DATA_FLOW_CTR_CONFIG"
  | "REMOVE_COLD_DATA_FLOW_CTR_CONFIG"
  | "GET_COLD_DATA_FLOW_CTR_INFO"
  | "SEND_REPLY_MESSAGE"
  | "SEND_REPLY_MESSAGE_V2"
  | "END_TRANSACTION"
  | "RESUME_CHECK_HALF_MESSAGE"
>;

export class BrokerMessages {
  readonly processors: MessageProcessors;
  readonly hold: PullRequestHoldService;
  readonly schedule: ScheduleMessageService;
  readonly transactions: TransactionalMessageService;
  readonly locks: RebalanceLockManager;
  readonly timer: TimerMessages;
  readonly #cold: ColdDataFlowControl;
  readonly #filterThreads: FilterThreads;

  /** @throws Error when messageDelayLevel can't be used: it names the key and the part that is wrong. */
  constructor(parts: BrokerParts) {
    const { clock } = parts.runtime;
    const levels = new DelayLevels(parts.settings);
    if (parts.settings.enableCalcFilterBitMap) {
      parts.store.setFilterBitMap((topic, properties) => {
        const bytes = encodeUtf8(properties);
        return parts.filters.bitMap(topic, bytes, 0, bytes.length);
      });
    }
    this.locks = new RebalanceLockManager(() => clock.monotonic());
    this.hold = new PullRequestHoldService(clock, parts.store, parts.settings);
    this.#cold = new ColdDataFlowControl({
      clock,
      settings: parts.settings,
      log: parts.log,
      memoryBytes: parts.runtime.system.memory().totalBytes,
      endOffset: () => parts.store.stats().maxPhysicalOffset,
      isOnDiskOnly: (offset) => parts.store.isOnDiskOnly(offset),
    });
    this.schedule = new ScheduleMessageService(parts, levels);
    this.timer = new TimerMessages(parts);
    this.#filterThreads = new FilterThreads(parts);
    this.transactions = new TransactionalMessageService(parts, delayer(levels, this.timer));
    this.processors = {
      ...sendProcessors(
        new SendMessageProcessor(parts, { locks: this.locks, levels, timer: this.timer, transactions: this.transactions }),
      ),
      ...replyProcessors(parts),
      ...sendBackProcessors(parts, levels),
      ...pullProcessors(new PullMessageProcessor(parts, this.hold, this.#cold, this.#filterThreads)),
      ...coldDataProcessors(this.#cold),
      ...queryProcessors(parts),
      ...offsetProcessors(parts),
      ...lockProcessors(this.locks),
      ...recallProcessors(parts, this.timer),
      ...transactionProcessors(this.transactions),
    };
  }

  /** Reads what the services keep in files of their own. The store must be loaded. @throws Error naming the file. */
  load(): Promise<void> {
    return this.timer.load();
  }

  /** Begins what only a master does. Everything must be loaded. @throws Error naming the file that can't be read. */
  startMaster(): void {
    this.schedule.start();
    this.timer.start();
    this.transactions.start();
  }

  /** Ends it; the progress is saved when the promise settles. */
  async stopMaster(): Promise<void> {
    await Promise.all([this.schedule.stop(), this.timer.stop(), this.transactions.stop()]);
  }

  /** Answers all held pulls, holds none any more, and ends what a master does. */
  async close(): Promise<void> {
    this.hold.close();
    this.#cold.close();
    // A thread that a dying disk holds must not keep the others from saving what they know.
    await Promise.all([this.#filterThreads.close(), this.stopMaster().then(() => this.timer.close())]);
  }
}
