import type { Command } from "../declaration.ts";
import { topicRoute } from "./topic_route.ts";

export const topicCommands: readonly Command[] = [topicRoute];
