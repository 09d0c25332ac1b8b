import type { AccessControl } from "../../auth/auth.ts";
import type { PlainAccess } from "../../auth/plain_access.ts";
import type { LiveConfiguration } from "../../config_update.ts";
import type { Admission } from "../../remoting/admission.ts";
import type { ConsumerManager } from "../clients/consumers.ts";
import type { ProducerManager } from "../clients/producers.ts";
import type { BrokerLite } from "../lite/lite.ts";
import type { ScheduleMessageService } from "../messages/schedule.ts";
import type { TimerMessages } from "../messages/timer.ts";
import type { SubscriptionGroupManager } from "../metadata/groups.ts";
import type { TopicConfigManager } from "../metadata/topics.ts";
import type { ExpiredMessages } from "../offsets/expired_messages.ts";
import type { brokerOptions } from "../options.ts";
import type { BrokerParts } from "../parts.ts";
import type { BrokerStats } from "../stats.ts";

/** The broker's parts as the administrator's processors need them. */
export interface AdminParts extends BrokerParts {
  readonly topics: TopicConfigManager;
  readonly groups: SubscriptionGroupManager;
  readonly consumers: ConsumerManager;
  readonly producers: ProducerManager;
  readonly stats: BrokerStats;
  readonly schedule: ScheduleMessageService;
  readonly expired: ExpiredMessages;
  readonly timer: TimerMessages;
  readonly lite: BrokerLite;
  readonly configuration: LiveConfiguration<typeof brokerOptions>;
  /** Users and access lists. */
  readonly access: AccessControl;
  /** Accounts of ACL 1.0; undefined while aclEnable is off. */
  readonly plainAccess: PlainAccess | undefined;
  /** Registers with all nameservers at once. */
  readonly registerAll: () => void;
  /** Until the nameservers know what has changed so far; see `NameServerRegistration.told`. */
  readonly nameServersTold: () => Promise<void>;
  /** Requests under way, by lane. */
  readonly admission: () => Admission;
  /** `host:port` under which nameservers know this broker. */
  readonly registeredAddress: () => string;
  /** Wall clock at the start, ms since 1970. */
  readonly bootTimestamp: number;
  /** The same on the monotonic clock, for how long it runs. */
  readonly bootMonotonicMs: number;
}
