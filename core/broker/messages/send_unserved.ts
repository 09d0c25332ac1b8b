/**
 * Kinds of messages that take another way, and those that are not taken: each is refused in words that name it, and never
 * stored as something else, since a delayed message must not come early.
 */
import type { TopicConfig } from "../../../wire/bodies/topic.ts";
import type { SendMessageRequestHeader } from "../../../wire/headers/send.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError, type RequestContext } from "../../remoting/processor.ts";
import type { BrokerParts } from "../parts.ts";
import { delayLevelOf } from "./schedule_levels.ts";
import { brokerName } from "./send_checks.ts";
import type { PropertyScan } from "./send_properties.ts";

type Parts = Pick<BrokerParts, "settings" | "addresses">;

/** Messages without a key to a topic that is compacted by key. */
export function refuseUnserved(config: TopicConfig, scan: PropertyScan): void {
  if (config.attributes["cleanup.policy"] === "COMPACTION" && (scan.keys ?? "").trim() === "") {
    throw new RemotingError(ResponseCode.MESSAGE_ILLEGAL, "Required message key is missing");
  }
}

/**
 * Whether the message is a half one. A consumed transactional message that is retried, or goes to the dead letters, keeps the
 * property and is none any more.
 * @throws RemotingError where rejectTransactionMessage is true.
 */
export function isHalfMessage(
  parts: Parts,
  context: RequestContext,
  header: SendMessageRequestHeader,
  scan: PropertyScan,
  dead: boolean,
): boolean {
  if (dead || scan.transaction?.toLowerCase() !== "true") return false;
  if ((header.reconsumeTimes ?? 0) > 0 && delayLevelOf(scan.delay) > 0) return false;
  if (parts.settings.rejectTransactionMessage) {
    throw forbidden(parts, context, "sending transaction message is forbidden; rejectTransactionMessage=false allows it");
  }
  return true;
}

const forbidden = (parts: Parts, context: RequestContext, what: string): RemotingError =>
  new RemotingError(ResponseCode.NO_PERMISSION, `${brokerName(parts, context)} ${what}`);
