/**
 * Which client of which group wants which lite topics. Kept in memory: clients say it again and again (COMPLETE_ADD), and
 * what they stop saying is dropped after liteSubscriptionCheckTimeoutMills.
 *
 * A client of a wildcard group names none and gets all below the parent. Bounded by maxLiteSubscriptionCount, which counts
 * lite topics of all clients, and clients.
 */
import type { OffsetOption } from "../../../wire/bodies/lite.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type Peer, RemotingError } from "../../remoting/processor.ts";
import type { TimerHandle } from "../../runtime.ts";
import type { BrokerParts } from "../parts.ts";
import type { LiteMetadata } from "./lite_metadata.ts";
import { liteTopicOf } from "./lite_names.ts";

/** What a client of one group is subscribed to. */
export interface LiteClient {
  readonly clientId: string;
  readonly group: string;
  /** Parent topic. */
  readonly topic: string;
  /** Light queues; empty for a client of a wildcard group. */
  readonly lmqNames: ReadonlySet<string>;
}

interface Client extends LiteClient {
  readonly lmqNames: Set<string>;
  /** Of a wildcard group: it counts as one. */
  all: boolean;
  /** Where it is told of what is taken from it; undefined until it subscribes. */
  peer: Peer | undefined;
  /** Clock.monotonic(). */
  updatedAt: number;
}

/** Told what becomes of subscriptions. */
export interface SubscriptionListener {
  registered(client: LiteClient, lmqName: string): void;
  registeredAll(client: LiteClient): void;
  gone(client: LiteClient): void;
}

export interface SubscriptionServices {
  readonly metadata: LiteMetadata;
  /** Whether a lite topic may be consumed of this broker: it belongs to it, or has messages here. */
  readonly isActive: (lmqName: string) => boolean;
  /** A group begins elsewhere in a lite topic. */
  readonly resetOffset: (group: string, lmqName: string, option: OffsetOption) => void | Promise<void>;
}

type Parts = Pick<BrokerParts, "runtime" | "log" | "settings">;

/** One client of one group. */
export const clientKey = (clientId: string, group: string): string => `${group} ${clientId}`;

const FROM_START: OffsetOption = { type: "POLICY", value: 1 };
const NONE: readonly Client[] = [];

export class LiteSubscriptions {
  readonly #parts: Parts;
  readonly #services: SubscriptionServices;
  /** By `clientKey`: who may use one group must not reach the clients of another. */
  readonly #clients = new Map<string, Client>();
  /** Light queue -> who wants it. */
  readonly #byQueue = new Map<string, Set<Client>>();
  /** Wildcard group -> its clients. */
  readonly #wildcards = new Map<string, Set<Client>>();
  #listener: SubscriptionListener | undefined;
  #count = 0;
  #timer: TimerHandle | undefined;

  constructor(parts: Parts, services: SubscriptionServices) {
    this.#parts = parts;
    this.#services = services;
  }

  /** Lite topics that clients are subscribed to, each once a client. */
  get count(): number {
    return this.#count;
  }

  set listener(listener: SubscriptionListener) {
    this.#listener = listener;
  }

  start(): void {
    if (this.#timer !== undefined) return;
    const { clock } = this.#parts.runtime;
    this.#timer = clock.setTimeout(() => {
      this.#timer = undefined;
      this.#dropSilent();
      this.start();
    }, this.#parts.settings.liteSubscriptionCheckInterval);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  // -------------------------------------------------------------------------------------------------------- reading

  client(clientId: string, group: string): LiteClient | undefined {
    return this.#clients.get(clientKey(clientId, group));
  }

  clientsOf(group: string): LiteClient[] {
    return [...this.#clients.values()].filter((client) => client.group === group);
  }

  /** Clients that a message of a light queue is for, by group. @param onlyGroup one group; all when left out */
  subscribers(lmqName: string, onlyGroup?: string): Map<string, LiteClient[]> {
    const found = new Map<string, LiteClient[]>();
    if (this.#clients.size === 0) return found;
    const take = (client: Client) => {
      if (onlyGroup !== undefined && client.group !== onlyGroup) return;
      const clients = found.get(client.group);
      if (clients === undefined) found.set(client.group, [client]);
      else clients.push(client);
    };
    for (const client of this.#byQueue.get(lmqName) ?? NONE) take(client);
    if (this.#wildcards.size > 0) {
      const parent = liteTopicOf(lmqName)?.parent;
      for (const clients of this.#wildcards.values()) for (const client of clients) if (client.topic === parent) take(client);
    }
    return found;
  }

  wildcardClients(group: string): LiteClient[] {
    return [...(this.#wildcards.get(group) ?? NONE)];
  }

  // ------------------------------------------------------------------------------------------------------- changing

  /**
   * Adds lite topics to those a client has. In an exclusive group they are taken from whoever has them. Settles when the group
   * is where `offset` says.
   * @throws RemotingError ILLEGAL_OPERATION for a wildcard group, LITE_SUBSCRIPTION_QUOTA_EXCEEDED when there are too many.
   */
  add(
    peer: Peer,
    who: Omit<LiteClient, "lmqNames">,
    lmqNames: readonly string[],
    offset: OffsetOption | undefined,
  ): Promise<unknown> {
    const { metadata, isActive, resetOffset } = this.#services;
    const { group } = who;
    if (metadata.isWildcard(group)) {
      throw new RemotingError(
        ResponseCode.ILLEGAL_OPERATION,
        `subscribe lite operation is not supported for this group: ${group} is a wildcard group (lite.sub.wildcard)`,
      );
    }
    const known = this.#clients.get(clientKey(who.clientId, group));
    const active = lmqNames.filter(isActive);
    this.#checkQuota(active.filter((name) => known?.lmqNames.has(name) !== true).length, known === undefined);
    const client = this.#clientOf(who, peer);
    const exclusive = metadata.isExclusive(group);
    const resets: unknown[] = [];
    for (const name of active) {
      if (exclusive) this.#takeFromOthers(client, name);
      if (offset !== undefined) resets.push(resetOffset(group, name, offset));
      this.#subscribe(client, name);
    }
    return Promise.all(resets);
  }

  remove(clientId: string, group: string, lmqNames: readonly string[]): void {
    const client = this.#clients.get(clientKey(clientId, group));
    if (client === undefined) return;
    client.updatedAt = this.#parts.runtime.clock.monotonic();
    const reset = this.#services.metadata.resetsOnUnsubscribe(group);
    for (const name of lmqNames) {
      if (this.#unsubscribe(client, name) && reset) void this.#services.resetOffset(group, name, FROM_START);
    }
  }

  /** All lite topics of a client: what it had beside them it has no more. @throws RemotingError as `add` does */
  set(peer: Peer, who: Omit<LiteClient, "lmqNames">, lmqNames: readonly string[]): void {
    const { metadata, isActive } = this.#services;
    const all = metadata.isWildcard(who.group);
    const wanted = new Set(all ? [] : lmqNames.filter(isActive));
    const known = this.#clients.get(clientKey(who.clientId, who.group));
    this.#checkQuota(wanted.size + Number(all) - (known?.lmqNames.size ?? 0) - Number(known?.all ?? false), known === undefined);
    const client = this.#clientOf(who, peer);
    for (const name of client.lmqNames) if (!wanted.has(name)) this.#unsubscribe(client, name);
    if (client.all && !all) this.#unsubscribeAll(client);
    for (const name of wanted) this.#subscribe(client, name);
    if (all) this.#subscribeAll(client);
  }

  drop(clientId: string, group: string): void {
    const key = clientKey(clientId, group);
    const client = this.#clients.get(key);
    if (client === undefined) return;
    for (const name of client.lmqNames) this.#unsubscribe(client, name);
    this.#unsubscribeAll(client);
    this.#clients.delete(key);
    this.#parts.log.info("a client is subscribed to no lite topics any more", {
      clientId,
      group,
      topic: client.topic,
    });
    this.#listener?.gone(client);
  }

  /** A light queue is no more. */
  forget(lmqName: string): void {
    for (const client of this.#byQueue.get(lmqName) ?? NONE) this.#unsubscribe(client, lmqName);
  }

  // -------------------------------------------------------------------------------------------------------- inwards

  #clientOf({ clientId, group, topic }: Omit<LiteClient, "lmqNames">, peer: Peer): Client {
    const updatedAt = this.#parts.runtime.clock.monotonic();
    const key = clientKey(clientId, group);
    const known = this.#clients.get(key);
    if (known?.topic === topic) {
      known.peer = peer;
      known.updatedAt = updatedAt;
      return known;
    }
    // The group is bound to another parent now: what it wanted of the former one is over.
    if (known !== undefined) this.drop(clientId, group);
    const client: Client = { clientId, group, topic, lmqNames: new Set(), all: false, peer, updatedAt };
    this.#clients.set(key, client);
    return client;
  }

  #subscribe(client: Client, name: string): void {
    if (client.lmqNames.has(name)) return;
    client.lmqNames.add(name);
    this.#byQueue.set(name, (this.#byQueue.get(name) ?? new Set<Client>()).add(client));
    this.#count++;
    this.#listener?.registered(client, name);
  }

  #unsubscribe(client: Client, name: string): boolean {
    if (!client.lmqNames.delete(name)) return false;
    this.#count--;
    const clients = this.#byQueue.get(name);
    clients?.delete(client);
    if (clients?.size === 0) this.#byQueue.delete(name);
    return true;
  }

  #subscribeAll(client: Client): void {
    if (client.all) return;
    client.all = true;
    this.#count++;
    this.#wildcards.set(client.group, (this.#wildcards.get(client.group) ?? new Set<Client>()).add(client));
    this.#listener?.registeredAll(client);
  }

  #unsubscribeAll(client: Client): void {
    if (!client.all) return;
    client.all = false;
    this.#count--;
    const clients = this.#wildcards.get(client.group);
    clients?.delete(client);
    if (clients?.size === 0) this.#wildcards.delete(client.group);
  }

  #takeFromOthers(client: Client, name: string): void {
    const { metadata, resetOffset } = this.#services;
    for (const former of this.#byQueue.get(name) ?? NONE) {
      if (former === client || former.group !== client.group) continue;
      this.#unsubscribe(former, name);
      former.peer?.oneway("NOTIFY_UNSUBSCRIBE_LITE", {
        liteTopic: liteTopicOf(name)?.lite ?? "",
        consumerGroup: former.group,
        clientId: former.clientId,
      });
      if (metadata.resetsWhenTaken(client.group)) void resetOffset(client.group, name, FROM_START);
      this.#parts.log.info("a lite topic has another client of its exclusive group", {
        queue: name,
        group: client.group,
        from: former.clientId,
        to: client.clientId,
      });
    }
  }

  #checkQuota(more: number, newClient: boolean): void {
    const { maxLiteSubscriptionCount: max } = this.#parts.settings;
    if ((more <= 0 || this.#count + more <= max) && (!newClient || this.#clients.size < max)) return;
    throw new RemotingError(
      ResponseCode.LITE_SUBSCRIPTION_QUOTA_EXCEEDED,
      `lite subscription quota exceeded ${max}: clients have ${this.#count} lite topics and ask for ${more} more; maxLiteSubscriptionCount allows more`,
    );
  }

  #dropSilent(): void {
    const before = this.#parts.runtime.clock.monotonic() - this.#parts.settings.liteSubscriptionCheckTimeoutMills;
    for (const { clientId, group, updatedAt } of [...this.#clients.values()]) if (updatedAt < before) this.drop(clientId, group);
  }
}
