/** What kind of message one is, by what it says of itself. */
import type { PropertyScan } from "./send_properties.ts";

/** message_type of a message, which it tells by its properties, whatever its topic was declared for. */
export type MessageType = "normal" | "transaction" | "fifo" | "delay";

type TypeProperties = Pick<PropertyScan, "transaction" | "shardingKey" | "delay" | "timer" | "startDeliverTime">;

/** In Apache's order of precedence. */
export function messageTypeOf(properties: TypeProperties): MessageType {
  const { delay, timer, startDeliverTime, shardingKey, transaction } = properties;
  if (delay !== undefined || timer || startDeliverTime) return "delay";
  if (shardingKey !== undefined) return "fifo";
  return transaction?.toLowerCase() === "true" ? "transaction" : "normal";
}
