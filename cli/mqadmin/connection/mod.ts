import type { Command } from "../declaration.ts";
import { consumerConnection, producerConnection } from "./connections.ts";

export const connectionCommands: readonly Command[] = [producerConnection, consumerConnection];
