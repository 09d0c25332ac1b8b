/** What administrators ask of a broker (mqadmin, DefaultMQAdminExt, dashboards): one file a subject, merged here. */
import type { LiveConfiguration } from "../config_update.ts";
import type { Admission } from "../remoting/admission.ts";
import { configProcessors } from "./admin_config.ts";
import { connectionProcessors } from "./admin_connections.ts";
import { consumeQueueProcessors } from "./admin_consume_queue.ts";
import { consumeStatsProcessors } from "./admin_consume_stats.ts";
import { groupProcessors } from "./admin_groups.ts";
import { adminOffsetProcessors } from "./admin_offsets.ts";
import { groupQueryProcessors } from "./admin_queries.ts";
import { serviceProcessors } from "./admin_service.ts";
import { topicProcessors } from "./admin_topics.ts";
import { clientCallProcessors } from "./client_calls.ts";
import type { ConsumerManager } from "./clients.ts";
import type { ProducerManager } from "./clients_producers.ts";
import type { SubscriptionGroupManager } from "./groups.ts";
import type { brokerOptions } from "./options.ts";
import type { BrokerParts } from "./parts.ts";
import type { ScheduleMessageService } from "./schedule.ts";
import type { BrokerStats } from "./stats.ts";
import type { TopicConfigManager } from "./topics.ts";

/** The broker's parts as the administrator's processors need them. */
export interface AdminParts extends BrokerParts {
  readonly topics: TopicConfigManager;
  readonly groups: SubscriptionGroupManager;
  readonly consumers: ConsumerManager;
  readonly producers: ProducerManager;
  readonly stats: BrokerStats;
  readonly schedule: ScheduleMessageService;
  readonly configuration: LiveConfiguration<typeof brokerOptions>;
  /** Registers with all nameservers at once. */
  readonly registerAll: () => void;
  /** Requests under way, by lane. */
  readonly admission: () => Admission;
  /** `host:port` under which nameservers know this broker. */
  readonly registeredAddress: () => string;
  /** Wall clock at the start, ms since 1970. */
  readonly bootTimestamp: number;
}

export const adminProcessors = (parts: AdminParts) => ({
  ...topicProcessors(parts),
  ...groupProcessors(parts),
  ...configProcessors(parts),
  ...connectionProcessors(parts),
  ...consumeStatsProcessors(parts),
  ...groupQueryProcessors(parts),
  ...adminOffsetProcessors(parts),
  ...consumeQueueProcessors(parts),
  ...clientCallProcessors(parts),
  ...serviceProcessors(parts),
});
