/**
 * Consumers of one group with different subscriptions: the classic mistake. A queue of a topic is given to one consumer of
 * the group, also to one that does not subscribe to the topic, and the messages in it then wait for ever. This watch says
 * once per change which clients differ, and in what.
 */
import type { SubscriptionData } from "../../../wire/bodies/subscription.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import type { Log } from "../../runtime.ts";

/** Topic -> expression, in a form that is equal when the subscriptions mean the same. */
type Expressions = ReadonlyMap<string, string>;

interface Watched {
  readonly byClient: Map<string, { readonly expressions: Expressions; readonly signature: string }>;
  /** What was warned of last; "" when all agreed. */
  warnedOf: string;
}

/** Clients named in one line. */
const CLIENTS_SHOWN_MAX = 5;

export class SubscriptionWatch {
  readonly #log: Log;
  readonly #groups = new Map<string, Watched>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** A client of the group sent its subscriptions. */
  observe(group: string, clientId: string, subscriptions: readonly SubscriptionData[]): void {
    const expressions = expressionsOf(subscriptions);
    const signature = [...expressions].map(([topic, text]) => `${topic}=${text}`).join(";");
    const watched = this.#groups.get(group) ?? { byClient: new Map(), warnedOf: "" };
    this.#groups.set(group, watched);
    if (watched.byClient.get(clientId)?.signature === signature) return;
    watched.byClient.set(clientId, { expressions, signature });
    this.#compare(group, watched);
  }

  /** A client left the group. */
  forget(group: string, clientId: string): void {
    const watched = this.#groups.get(group);
    if (watched === undefined) return;
    watched.byClient.delete(clientId);
    if (watched.byClient.size === 0) this.#groups.delete(group);
    else this.#compare(group, watched);
  }

  #compare(group: string, watched: Watched): void {
    const bySignature = new Map<string, { expressions: Expressions; clients: string[] }>();
    for (const [clientId, { expressions, signature }] of watched.byClient) {
      const same = bySignature.get(signature);
      if (same === undefined) bySignature.set(signature, { expressions, clients: [clientId] });
      else same.clients.push(clientId);
    }
    // Who differs matters, not how many agree: a tenth consumer that joins the majority is no news.
    const state = bySignature.size < 2 ? "" : [...bySignature.keys()].sort().join("\n");
    if (state === watched.warnedOf) return;
    watched.warnedOf = state;
    if (state === "") {
      this.#log.info("consumers of this group agree on their subscriptions again", { group });
      return;
    }
    const parties = [...bySignature.values()].sort((a, b) => b.clients.length - a.clients.length);
    const difference = differenceOf(parties.map((party) => party.expressions));
    this.#log.warn("consumers of one group have different subscriptions: some messages will not be consumed", {
      group,
      clients: parties.map((party) => clientsText(party.clients)).join(" / "),
      difference,
      mend: "give all consumers of a group the same topics and expressions, or use a group each",
    });
  }
}

function expressionsOf(subscriptions: readonly SubscriptionData[]): Expressions {
  const sorted = [...subscriptions].filter((s) => !s.topic.startsWith(RETRY_PREFIX)).sort((a, b) => (a.topic < b.topic ? -1 : 1));
  return new Map(sorted.map((s) => [s.topic, expressionText(s)]));
}

function expressionText({ expressionType, subString }: SubscriptionData): string {
  if (expressionType !== "TAG") return `${expressionType} ${subString}`;
  const tags = subString.split("||").map((tag) => tag.trim());
  return (
    tags
      .filter((tag) => tag !== "")
      .sort()
      .join(" || ") || "*"
  );
}

function clientsText(clients: readonly string[]): string {
  const shown = clients.slice(0, CLIENTS_SHOWN_MAX).join(", ");
  return clients.length > CLIENTS_SHOWN_MAX ? `${shown} and ${clients.length - CLIENTS_SHOWN_MAX} more` : shown;
}

/** `T1: "a" / "b", T2: "*" / not subscribed`, parties in their order. */
function differenceOf(parties: readonly Expressions[]): string {
  const topics = new Set(parties.flatMap((party) => [...party.keys()]));
  const lines: string[] = [];
  for (const topic of topics) {
    const texts = parties.map((party) => party.get(topic));
    if (new Set(texts).size > 1) {
      lines.push(`${topic}: ${texts.map((text) => (text === undefined ? "not subscribed" : `"${text}"`)).join(" / ")}`);
    }
  }
  return lines.join(", ");
}
