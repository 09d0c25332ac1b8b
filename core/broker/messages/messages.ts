/**
 * The broker's message side as one: sending, pulling, offsets, retries, delays, queries and queue locks. `../broker.ts`
 * makes one of these from the parts and merges its processors with those of `../admin/admin.ts` and
 * `../clients/client_processors.ts`.
 *
 * Owns the services that run beside requests (delay delivery, held pulls, locks). Does not own offsets' persistence
 * (`../offsets/offsets.ts`), topics, groups, clients or the store: they are parts. What only a master does is started and stopped by
 * `startMaster` and `stopMaster`.
 */
import type { ProcessorMap } from "../../remoting/processor.ts";
import { offsetProcessors } from "../offsets/offset_processors.ts";
import type { BrokerParts } from "../parts.ts";
import { lockProcessors, RebalanceLockManager } from "./lock.ts";
import { PullMessageProcessor, pullProcessors } from "./pull.ts";
import { PullRequestHoldService } from "./pull_hold.ts";
import { queryProcessors } from "./query.ts";
import { ScheduleMessageService } from "./schedule.ts";
import { DelayLevels } from "./schedule_levels.ts";
import { SendMessageProcessor, sendProcessors } from "./send.ts";
import { sendBackProcessors } from "./send_back.ts";

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
>;

export class BrokerMessages {
  readonly processors: MessageProcessors;
  readonly hold: PullRequestHoldService;
  readonly schedule: ScheduleMessageService;
  readonly locks: RebalanceLockManager;

  /** @throws Error when messageDelayLevel can't be used: it names the key and the part that is wrong. */
  constructor(parts: BrokerParts) {
    const { clock } = parts.runtime;
    const levels = new DelayLevels(parts.settings);
    this.locks = new RebalanceLockManager(() => clock.monotonic());
    this.hold = new PullRequestHoldService(clock, parts.store, parts.settings);
    this.schedule = new ScheduleMessageService(parts, levels);
    this.processors = {
      ...sendProcessors(new SendMessageProcessor(parts, this.locks, levels)),
      ...sendBackProcessors(parts, levels),
      ...pullProcessors(new PullMessageProcessor(parts, this.hold)),
      ...queryProcessors(parts),
      ...offsetProcessors(parts),
      ...lockProcessors(this.locks),
    };
  }

  /** Begins what only a master does. The store must be loaded. @throws Error naming the file that can't be read. */
  startMaster(): void {
    this.schedule.start();
  }

  /** Ends it; the progress is saved when the promise settles. */
  stopMaster(): Promise<void> {
    return this.schedule.stop();
  }

  /** Answers all held pulls, holds none any more, and ends what a master does. */
  async close(): Promise<void> {
    this.hold.close();
    await this.stopMaster();
  }
}
