/** Messages to lite topics: such a message is stored in its topic, and stands in the light queue of its lite topic as well. */
import { MessageConst } from "../../../wire/message_const.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { setProperty } from "../../../wire/properties.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError, type RequestContext } from "../../remoting/processor.ts";
import { liteTopicFault, lmqNameOf } from "../lite/lite_names.ts";
import type { BrokerParts } from "../parts.ts";
import { brokerName } from "./send_checks.ts";
import { illegalMessage } from "./send_status.ts";

/**
 * The properties of a message with the light queue that it goes to. What is retried keeps its lite topic and goes to none.
 * @param liteTopic value of __LITE_TOPIC; undefined or empty: the properties as they are.
 * @throws RemotingError where no light queues are made, since nobody could consume the message; or for a name that is none.
 */
export function withLiteQueue(
  parts: Pick<BrokerParts, "settings" | "addresses">,
  context: RequestContext,
  topic: string,
  liteTopic: string | undefined,
  properties: string,
): string {
  const { settings } = parts;
  if (liteTopic === undefined || liteTopic === "" || topic.startsWith(RETRY_PREFIX)) return properties;
  if (!settings.enableLmq || !settings.enableMultiDispatch) {
    throw new RemotingError(
      ResponseCode.NO_PERMISSION,
      `${brokerName(parts, context)} sending message to a light queue is forbidden: the lite topic [${liteTopic}] of [${topic}] has none; enableLmq=true and enableMultiDispatch=true allow it`,
    );
  }
  const fault = liteTopicFault(liteTopic);
  if (fault !== undefined) throw illegalMessage(settings, `It can't be stored: ${fault}.`);
  return setProperty(properties, MessageConst.INNER_MULTI_DISPATCH, lmqNameOf(topic, liteTopic));
}
