/**
 * Everything an administrator can ask of nameservers, brokers, controllers and broker containers: the operations of Java's
 * `DefaultMQAdminExt` under their names, as typed promises, in one object a subject. mqadmin and the console stand on it.
 *
 * It owns no connection: those are its client's. Requests and answers are the declarations in `wire/` that the servers use
 * too. An operation either does what it says or throws: `MQBrokerError` with the server's code, remark and address, or
 * `MQClientError` when no answer was to be had. What is asked of several servers is asked of all of them at once, and one
 * that fails fails the whole, except in the operations whose name ends in `Concurrent`: these say who failed.
 *
 * Operations take no AbortSignal each: those of `admin.with({ signal })` end with it, and with nothing else.
 *
 * ```ts
 * await using admin = new Admin(new ClientInstance({ runtime, namesrvAddr: "127.0.0.1:9876" }));
 * for (const name of (await admin.topics.fetchAllTopicList()).topicList) console.log(name);
 * ```
 */
import type { ClientInstance } from "../client_instance.ts";
import type { MessageExt } from "../message.ts";
import { AdminCalls, type AdminOptions } from "./admin_calls.ts";
import { BrokerAdmin } from "./brokers.ts";
import { ClusterAdmin } from "./clusters.ts";
import { ConnectionAdmin } from "./connections.ts";
import { ConsumeStatsAdmin } from "./consume_stats.ts";
import { ControllerAdmin } from "./controllers.ts";
import { GroupAdmin } from "./groups.ts";
import { LiteTopicAdmin } from "./lite_topics.ts";
import { type MessageTrack, messageTrackDetail } from "./message_tracks.ts";
import { MessageAdmin } from "./messages.ts";
import { NameServerAdmin } from "./name_server_admin.ts";
import { OffsetAdmin } from "./offsets.ts";
import { StaticTopicAdmin } from "./static_topics.ts";
import { TopicAdmin } from "./topics.ts";
import { UserAdmin } from "./users.ts";

export class Admin implements AsyncDisposable {
  readonly #options: AdminOptions;
  readonly client: ClientInstance;
  /** Which brokers there are. */
  readonly clusters: ClusterAdmin;
  readonly topics: TopicAdmin;
  /** Subscription groups. */
  readonly groups: GroupAdmin;
  /** Configuration, state and upkeep of one broker. */
  readonly brokers: BrokerAdmin;
  /** KV configuration, write permission, settings of nameservers. */
  readonly nameServers: NameServerAdmin;
  /** Who is connected, and what consumers say about themselves. */
  readonly connections: ConnectionAdmin;
  /** How far groups are. */
  readonly consumeStats: ConsumeStatsAdmin;
  /** Offsets of queues and groups: look up, set, reset, clone. */
  readonly offsets: OffsetAdmin;

  readonly messages: MessageAdmin;
  /** Users and access lists. */
  readonly users: UserAdmin;
  /** Controllers, and brokers' replication. */
  readonly controllers: ControllerAdmin;
  readonly staticTopics: StaticTopicAdmin;
  readonly liteTopics: LiteTopicAdmin;

  /** @param client closed with this; it needs no member */
  constructor(client: ClientInstance, options: AdminOptions = {}) {
    this.client = client;
    this.#options = options;
    const calls = new AdminCalls(client, options);
    this.clusters = new ClusterAdmin(calls);
    this.nameServers = new NameServerAdmin(calls);
    this.topics = new TopicAdmin(calls, this.clusters, this.nameServers);
    this.groups = new GroupAdmin(calls);
    this.brokers = new BrokerAdmin(calls, this.clusters);
    this.connections = new ConnectionAdmin(calls);
    this.consumeStats = new ConsumeStatsAdmin(calls, this.topics, this.connections);
    this.offsets = new OffsetAdmin(calls);
    this.messages = new MessageAdmin(calls);
    this.users = new UserAdmin(calls);
    this.controllers = new ControllerAdmin(calls);
    this.staticTopics = new StaticTopicAdmin(calls);
    this.liteTopics = new LiteTopicAdmin(calls);
  }

  /** Which groups have consumed a message; all of its topic are asked for at once. */
  messageTrackDetail(message: MessageExt): Promise<MessageTrack[]> {
    return messageTrackDetail(this, message, this.#options.signal);
  }

  /**
   * The same over the same client, with other options: `admin.with({ signal }).topics.deleteTopic(…)`. It costs no connection, and
   * need not be closed: a close of either closes the client.
   */
  with(options: AdminOptions): Admin {
    return new Admin(this.client, { ...this.#options, ...options });
  }

  close(): Promise<void> {
    return this.client.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
