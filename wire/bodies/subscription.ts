/** What a consumer asks of one topic. */
import { body, bool, FROM_CLIENTS, int, long, maybe, or, set, text } from "../body.ts";

export interface SubscriptionData {
  /** Filter classes: gone since 4.9, always false. */
  classFilterMode: boolean;
  topic: string;
  /** `*`, tags joined by `||`, or an SQL92 expression. */
  subString: string;
  /** The tags of `subString`; empty for `*` and SQL92. */
  tagsSet: Set<string>;
  /** Java hash codes of the tags. */
  codeSet: Set<number>;
  /** When the client made it, ms: a larger one replaces a smaller. */
  subVersion: number;
  /** TAG or SQL92. */
  expressionType: string;
}

export const subscriptionData = body<SubscriptionData>("SubscriptionData", {
  classFilterMode: or(bool, false),
  topic: or(text, ""),
  subString: or(text, ""),
  tagsSet: set(text),
  codeSet: set(int),
  // Apache: the time of reading. 0 loses against every version that a client really made.
  subVersion: or(long, 0),
  expressionType: or(text, "TAG"),
});

/** Body of CHECK_CLIENT_CONFIG. */
export interface CheckClientRequestBody {
  clientId: string;
  group: string;
  subscriptionData?: SubscriptionData | undefined;
  namespace?: string | undefined;
}

export const checkClientRequestBody = body<CheckClientRequestBody>(
  "CheckClientRequestBody",
  {
    clientId: or(text, ""),
    group: or(text, ""),
    subscriptionData: maybe(subscriptionData),
    namespace: maybe(text),
  },
  FROM_CLIENTS,
);

/** Answer of QUERY_SUBSCRIPTION_BY_CONSUMER. */
export interface QuerySubscriptionResponseBody {
  subscriptionData?: SubscriptionData | undefined;
  group: string;
  topic: string;
}

export const querySubscriptionResponseBody = body<QuerySubscriptionResponseBody>("QuerySubscriptionResponseBody", {
  subscriptionData: maybe(subscriptionData),
  group: or(text, ""),
  topic: or(text, ""),
});
