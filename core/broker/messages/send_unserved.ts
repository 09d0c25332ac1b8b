/**
 * Kinds of messages that this broker does not serve yet. Each is refused in words that name it, and never stored as something
 * else: a half message must not become visible, a delayed one must not come early.
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

/**
 * Lite topics and half messages; and messages without a key to a topic that is compacted by key.
 * @param dead the message goes to the dead letters, whatever its delay level says.
 */
export function refuseUnserved(
  parts: Parts,
  context: RequestContext,
  header: SendMessageRequestHeader,
  config: TopicConfig,
  scan: PropertyScan,
  dead: boolean,
): void {
  if (scan.liteTopic !== undefined) {
    throw forbidden(
      parts,
      context,
      "sending message to a light queue is forbidden: lite topics are not available in this broker",
    );
  }
  if (config.attributes["cleanup.policy"] === "COMPACTION" && (scan.keys ?? "").trim() === "") {
    throw new RemotingError(ResponseCode.MESSAGE_ILLEGAL, "Required message key is missing");
  }
  if (scan.transaction?.toLowerCase() === "true") {
    // A consumed transactional message that is retried keeps the property.
    const retriedLater = (header.reconsumeTimes ?? 0) > 0 && !dead && delayLevelOf(scan.delay) > 0;
    if (!retriedLater) {
      throw forbidden(
        parts,
        context,
        "sending transaction message is forbidden: transactions are not available in this broker, which acts as with rejectTransactionMessage=true",
      );
    }
  }
}

const forbidden = (parts: Parts, context: RequestContext, what: string): RemotingError =>
  new RemotingError(ResponseCode.NO_PERMISSION, `${brokerName(parts, context)} ${what}`);
