/** What a consumer asks of a topic. */
import type { SubscriptionData } from "../../wire/bodies/subscription.ts";
import { hashCode } from "../../wire/java_hash.ts";
import { MQClientError } from "./errors.ts";
import type { MessageExt } from "./message.ts";

/** `*`, tags joined by `||`, or an SQL92 expression over properties. */
export type FilterExpression = string | { readonly sql: string };

/** @param subVersion ms; a later one replaces an earlier one at the broker. @throws MQClientError kind invalid */
export function subscriptionOf(topic: string, expression: FilterExpression, subVersion: number): SubscriptionData {
  const common = { classFilterMode: false, topic, subVersion };
  if (typeof expression !== "string") {
    return { ...common, subString: expression.sql, tagsSet: new Set(), codeSet: new Set(), expressionType: "SQL92" };
  }
  if (expression === "" || expression === "*") {
    return { ...common, subString: "*", tagsSet: new Set(), codeSet: new Set(), expressionType: "TAG" };
  }
  const tags = expression
    .split("||")
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
  if (tags.length === 0) throw new MQClientError("invalid", `Cannot subscribe to "${topic}": "${expression}" names no tag`);
  return {
    ...common,
    subString: expression,
    tagsSet: new Set(tags),
    codeSet: new Set(tags.map(hashCode)),
    expressionType: "TAG",
  };
}

export const sameFilter = (a: SubscriptionData, b: SubscriptionData): boolean =>
  a.subString === b.subString && a.expressionType === b.expressionType;

/** No tag is empty. */
const NO_TAGS = "";

/** The broker compares hashes of tags; this compares the tags. */
export const wanted = ({ tagsSet, expressionType }: SubscriptionData, message: MessageExt): boolean =>
  expressionType !== "TAG" || tagsSet.size === 0 || tagsSet.has(message.tags ?? NO_TAGS);
