/** LITE_SUBSCRIPTION_CTL: clients, or a proxy for them, say which lite topics they want, want no more, or want in all. */
import { type LiteSubscriptionDTO, liteSubscriptionCtlRequestBody } from "../../../wire/bodies/lite.ts";
import { utf8Length } from "../../../wire/bytes.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError, type RequestContext } from "../../remoting/processor.ts";
import type { BrokerParts } from "../parts.ts";
import type { LiteMetadata } from "./lite_metadata.ts";
import { liteTopicFault, lmqNameOf } from "./lite_names.ts";
import type { LiteSharding } from "./sharding.ts";
import type { LiteSubscriptions } from "./subscriptions.ts";

/** Of client, group and parent topic in characters; of a light queue in bytes, since it is the name of a directory. */
const NAME_MAX = 255;

export interface SubscriptionCtlServices {
  readonly metadata: LiteMetadata;
  readonly sharding: LiteSharding;
  readonly subscriptions: LiteSubscriptions;
}

type Parts = Pick<BrokerParts, "log">;

export class LiteSubscriptionCtl {
  readonly #parts: Parts;
  readonly #services: SubscriptionCtlServices;

  constructor(parts: Parts, services: SubscriptionCtlServices) {
    this.#parts = parts;
    this.#services = services;
  }

  /** Entries are taken in their order, up to the first that is refused. @throws RemotingError */
  async control(context: RequestContext, body: Uint8Array): Promise<Record<string, never>> {
    if (body.length === 0) throw illegal("Request body is null.");
    const { subscriptionSet } = liteSubscriptionCtlRequestBody.decode(body);
    if (subscriptionSet.length === 0) throw illegal("LiteSubscriptionCtlRequestBody is empty.");
    for (const entry of subscriptionSet) await this.#take(context, entry);
    return {};
  }

  async #take({ peer }: RequestContext, entry: LiteSubscriptionDTO): Promise<void> {
    const { metadata, sharding, subscriptions } = this.#services;
    const { action, clientId, group, topic, offsetOption } = entry;
    const blank = [clientId, group, topic].some((text) => text.trim() === "");
    if (blank || action === undefined) {
      this.#parts.log.warn("a subscription to lite topics without client, group, topic or action is passed over", {
        clientId,
        group,
        topic,
        action: action ?? "",
      });
      return;
    }
    const long = [clientId, group, topic].find((text) => text.length > NAME_MAX);
    if (long !== undefined) throw illegal(`"${long.slice(0, 40)}…" has ${long.length} characters; ${NAME_MAX} are allowed`);
    if (action === "COMPLETE_REMOVE") {
      subscriptions.drop(clientId, group);
      return;
    }
    const lites = [...entry.liteTopicSet].filter((lite) => lite !== "");
    const names = lites.map((lite) => lmqNameOf(topic, lite));
    if (action === "PARTIAL_REMOVE") {
      subscriptions.remove(clientId, group, names);
      return;
    }
    if (!metadata.mayConsume(group)) throw illegal("Consumer group is not allowed to consume.");
    const fault = lites.map(liteTopicFault).find((each) => each !== undefined);
    if (fault !== undefined) throw illegal(fault);
    const beyond = names.find((name) => utf8Length(name) > NAME_MAX);
    if (beyond !== undefined) throw illegal(`the light queue "${beyond.slice(0, 60)}…" has more than ${NAME_MAX} bytes`);
    // Nameservers are not asked for what clients make up.
    if (metadata.isParent(topic)) await sharding.refresh(topic);
    if (action === "PARTIAL_ADD") await subscriptions.add(peer, { clientId, group, topic }, names, offsetOption);
    else subscriptions.set(peer, { clientId, group, topic }, names);
  }
}

const illegal = (remark: string): RemotingError => new RemotingError(ResponseCode.ILLEGAL_OPERATION, remark);
