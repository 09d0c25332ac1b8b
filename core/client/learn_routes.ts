/** What a consumer does before it joins its group: finds its topics, and has its SQL92 expressions read by a broker. */
import { checkClientRequestBody, type SubscriptionData } from "../../wire/bodies/subscription.ts";
import { RETRY_PREFIX } from "../../wire/mix_all.ts";
import type { ClientInstance } from "./client_instance.ts";
import { abortable } from "./waiting.ts";

/**
 * A topic that is not there yet is waited for; a nameserver that does not answer is an error of the start.
 * @throws MQClientError kind unreachable; MQBrokerError SUBSCRIPTION_PARSE_FAILED for an expression that the broker can't read; the
 *   signal's reason
 */
export async function learnRoutes(
  client: ClientInstance,
  consumerGroup: string,
  subscriptions: Iterable<SubscriptionData>,
  signal: AbortSignal,
): Promise<void> {
  for (const subscription of subscriptions) {
    const { topic } = subscription;
    const route = await abortable(client.refreshRoute(topic), signal);
    if (route === undefined && !topic.startsWith(RETRY_PREFIX)) {
      client.log.warn("a topic has no route yet; it is consumed as soon as it has", { group: consumerGroup, topic });
    }
    const [address] = route?.masters.values() ?? [];
    if (address === undefined || subscription.expressionType === "TAG") continue;
    const { clientId } = client;
    const body = checkClientRequestBody.encode({ clientId, group: consumerGroup, subscriptionData: subscription });
    const tried = `subscribe to "${topic}" by "${subscription.subString}"`;
    await client.call(tried, address, "CHECK_CLIENT_CONFIG", {}, { body, signal });
  }
}
