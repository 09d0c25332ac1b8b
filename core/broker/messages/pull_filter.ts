/**
 * Tag subscriptions as filters of consume queue entries. An entry holds only the hash of the tag, so messages of another tag
 * with the same hash pass ("Aa" and "BB"); the client compares the text itself.
 */
import type { SubscriptionData } from "../../../wire/bodies/subscription.ts";
import { hashCode } from "../../../wire/java_hash.ts";
import type { TagsFilter } from "../../store/message_store.ts";

const ALL = "*";

/** Absent, empty and TAG mean tags. */
export const isTagType = (expressionType: string | undefined): boolean =>
  expressionType === undefined || expressionType === "" || expressionType === "TAG";

/**
 * Filter of an expression like `a || b`; undefined takes everything.
 * @throws Error when it holds no tag.
 */
export function tagFilterOf(expression: string | undefined): TagsFilter {
  if (expression === undefined || expression === "" || expression === ALL) return undefined;
  const parts = expression.split("||");
  if (parts.every((part) => part === "")) throw new Error(`the expression "${expression}" holds no tag`);
  return hashFilter(
    new Set(
      parts
        .map((part) => part.trim())
        .filter((tag) => tag !== "")
        .map(hashCode),
    ),
  );
}

/** Filters of subscriptions from heartbeats, made once each. */
export class SubscriptionFilters {
  readonly #filters = new WeakMap<SubscriptionData, { readonly filter: TagsFilter }>();

  of(subscription: SubscriptionData): TagsFilter {
    let entry = this.#filters.get(subscription);
    if (entry === undefined) {
      const everything = subscription.classFilterMode || subscription.subString === ALL;
      entry = { filter: everything ? undefined : hashFilter(new Set(subscription.codeSet)) };
      this.#filters.set(subscription, entry);
    }
    return entry.filter;
  }
}

function hashFilter(hashes: ReadonlySet<number>): TagsFilter {
  if (hashes.size === 1) {
    const [only] = hashes;
    return (tagsCode) => tagsCode === only;
  }
  return (tagsCode) => hashes.has(tagsCode);
}
