/** What administrators ask of a broker (mqadmin, DefaultMQAdminExt, dashboards): one file a subject, merged here. */

import { clientCallProcessors } from "../clients/client_calls.ts";
import { authProcessors } from "./admin_auth.ts";
import { configProcessors } from "./admin_config.ts";
import { connectionProcessors } from "./admin_connections.ts";
import { consumeQueueProcessors } from "./admin_consume_queue.ts";
import { consumeStatsProcessors } from "./admin_consume_stats.ts";
import { groupProcessors } from "./admin_groups.ts";
import { adminOffsetProcessors } from "./admin_offsets.ts";
import type { AdminParts } from "./admin_parts.ts";
import { plainAclProcessors } from "./admin_plain_acl.ts";
import { groupQueryProcessors } from "./admin_queries.ts";
import { serviceProcessors } from "./admin_service.ts";
import { timerProcessors } from "./admin_timer.ts";
import { topicProcessors } from "./admin_topics.ts";

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
  ...timerProcessors(parts),
  ...authProcessors(parts),
  ...plainAclProcessors(parts),
});
