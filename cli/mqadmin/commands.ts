/** Every command of mqadmin, a folder a package. A new one goes into the list of its folder's mod.ts. */

import { authCommands } from "./auth/mod.ts";
import { brokerCommands } from "./broker/mod.ts";
import { clusterCommands } from "./cluster/mod.ts";
import { connectionCommands } from "./connection/mod.ts";
import { consumerCommands } from "./consumer/mod.ts";
import { containerCommands } from "./container/mod.ts";
import { controllerCommands } from "./controller/mod.ts";
import type { Command } from "./declaration.ts";
import { exportCommands } from "./export/mod.ts";
import { haCommands } from "./ha/mod.ts";
import { liteCommands } from "./lite/mod.ts";
import { messageCommands } from "./message/mod.ts";
import { metadataCommands } from "./metadata/mod.ts";
import { namesrvCommands } from "./namesrv/mod.ts";
import { offsetCommands } from "./offset/mod.ts";
import { producerCommands } from "./producer/mod.ts";
import { queueCommands } from "./queue/mod.ts";
import { statsCommands } from "./stats/mod.ts";
import { topicCommands } from "./topic/mod.ts";

export const commands: readonly Command[] = [
  ...topicCommands,
  ...consumerCommands,
  ...brokerCommands,
  ...clusterCommands,
  ...connectionCommands,
  ...producerCommands,
  ...statsCommands,
  ...namesrvCommands,
  ...messageCommands,
  ...offsetCommands,
  ...exportCommands,
  ...metadataCommands,
  ...haCommands,
  ...controllerCommands,
  ...containerCommands,
  ...authCommands,
  ...queueCommands,
  ...liteCommands,
];
