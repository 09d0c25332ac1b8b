/** Node. What an adapter is: see `bun.ts`. Sockets are those of `node:net`. */
import type { Runtime } from "../core/runtime.ts";
import { nodeTryLock } from "./lock/node.ts";
import { nodeNet } from "./net/node.ts";
import { hostRuntime } from "./shared/host.ts";

export const nodeRuntime = (): Runtime => hostRuntime("node", nodeNet, nodeTryLock());
