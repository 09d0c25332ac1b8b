/**
 * A client of RocketMQ: what its producers and consumers share. It owns the connections, the routes of the topics in use
 * (asked again every 30 s, and at once when one proves wrong), the heartbeats, and who is a member of which group. It knows
 * nothing of sending or consuming.
 *
 * Invariants: a call either answers, or fails within its time-out with an error that says what was tried on which address;
 * after `close` nothing is left, no timer, no connection. It is built on the broker's own remoting and request table, so
 * both ends of a request are one declaration.
 */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import { AUTO_CREATE_TOPIC, MASTER_ID } from "../../wire/mix_all.ts";
import type { ExtFields } from "../../wire/remoting_command.ts";
import { REQUESTS, type ReplyHeaderOf, type RequestHeaderOf, type RequestName } from "../../wire/requests.ts";
import { RemotingClient } from "../remoting/client.ts";
import type { PeerReply } from "../remoting/processor.ts";
import type { Log, Runtime, TimerHandle, TlsClientOptions, TlsContext } from "../runtime.ts";
import { type ConsumerMember, clientProcessors, type ProducerMember } from "./client_processors.ts";
import { type CredentialsSource, signer } from "./credentials.ts";
import { clientFault, expectSuccess, MQClientError, readReply } from "./errors.ts";
import { Heartbeats } from "./heartbeat.ts";
import { NAME_SERVERS_REFRESH_MS, NameServers } from "./name_servers.ts";
import { inNamespaceV2, Namespace } from "./namespace.ts";
import { leaderOf, type TopicRoute, topicRoute } from "./topic_route.ts";
import { MessageTrace } from "./trace.ts";
import { UniqKeys } from "./uniq_key.ts";
import { abortable, settledWithin } from "./waiting.ts";

export interface ClientOptions {
  /** From `edgemq/bun`, `edgemq/deno`, `edgemq/node` or `edgemq/memory`. */
  readonly runtime: Runtime;
  /** `host:port`, several joined by `;`. Without it namesrvDomain is asked, or else the variable NAMESRV_ADDR read. */
  readonly namesrvAddr?: string;
  /** `host` or `host:port` of an HTTP end point that lists nameservers, asked every 2 minutes (Java's rocketmq.namesrv.domain). */
  readonly namesrvDomain?: string;
  /** Last part of its path; default `nsaddr` (Java's rocketmq.namesrv.domain.subgroup). */
  readonly namesrvDomainSubgroup?: string;
  /** Traces sends, consumption and ends of transactions of this client's members; default false. */
  readonly enableTrace?: boolean;
  /** With enableTrace, recalls of delayed messages as well; default false (Java's com.rocketmq.recall.default.trace.enable). */
  readonly enableRecallTrace?: boolean;
  /** Default RMQ_SYS_TRACE_TOPIC, which a broker with traceTopicEnable has. */
  readonly traceTopic?: string;
  /** Signs all requests (ACL 1.0 and 2.0). */
  readonly credentials?: CredentialsSource;
  /** TLS to nameservers and brokers alike; plain connections when left out. Keys and certificates are PEM texts. */
  readonly tls?: TlsClientOptions;
  /** Default: nothing is logged. */
  readonly log?: Log;
  /** Part of the client's id; default `pid#number`, which no other client has. */
  readonly instanceName?: string;
  /** This client belongs to a unit of a deployment in units: brokers are told with each message and heartbeat. */
  readonly unitMode?: boolean;
  /** Its name, part of the client's id. */
  readonly unitName?: string;
  /** Namespace (instance id) of 4.x: topics and groups of this client are in it, and the program does not see it. */
  readonly namespace?: string;
  /** Namespace of 5.x: told with each request (`ns`). Names stay as they are. */
  readonly namespaceV2?: string;
  /** How old a route may grow, ms; default 30,000. */
  readonly pollNameServerInterval?: number;
  /** Default 30,000 ms; a broker forgets a client after 120,000. */
  readonly heartbeatBrokerInterval?: number;
  /** Time-out of calls that have none of their own, ms; default 3,000. */
  readonly mqClientApiTimeout?: number;
}

export interface CallOptions {
  readonly body?: Uint8Array | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly extFields?: ExtFields | undefined;
  /** In the place of this client's own (`LANGUAGES`). */
  readonly language?: number | undefined;
}

/** What a server answered with SUCCESS. */
export interface Answer<N extends RequestName> {
  readonly header: ReplyHeaderOf<N>;
  readonly body: Uint8Array;
  readonly remark: string | undefined;
  /** The body, read. @throws MQClientError kind bad-reply when it is cut off, or of another form */
  readonly read: <T>(form: { readonly decode: (bytes: Uint8Array) => T }) => T;
}

/** How long a new route waits for its brokers to hear of this client. */
const FIRST_BEAT_MS = 500;
/** Routes kept; the one that was asked for longest ago goes first. */
const ROUTES_MAX = 10_000;

export class ClientInstance implements AsyncDisposable {
  readonly runtime: Runtime;
  readonly log: Log;
  /** `ip@instanceName`. */
  readonly clientId: string;
  /** An IP literal of this machine. */
  readonly clientIP: string;
  readonly uniqKeys: UniqKeys;
  readonly namespace: Namespace;
  /** Undefined unless enableTrace. */
  readonly trace: MessageTrace | undefined;
  readonly #options: ClientOptions;
  readonly #remoting: RemotingClient;
  readonly #nameServers: NameServers;
  readonly #heartbeats: Heartbeats;
  readonly #routes = new Map<string, TopicRoute>();
  /** brokerName -> id -> `host:port`, as the newest answer that names the broker has it: another topic's may be older. */
  readonly #brokers = new Map<string, ReadonlyMap<number, string>>();
  readonly #asking = new Map<string, Promise<TopicRoute | undefined>>();
  readonly #producers = new Set<ProducerMember>();
  readonly #consumers = new Map<string, ConsumerMember>();
  readonly #closers = new Set<() => Promise<void>>();
  readonly #timers: TimerHandle[];
  #refreshing = false;
  #subVersion = 0;
  #closing: Promise<void> | undefined;

  /** @throws MQClientError kind invalid for a namesrvAddr that can't be used */
  constructor(options: ClientOptions) {
    const { runtime, log = QUIET } = options;
    this.#options = options;
    this.runtime = runtime;
    this.log = log;
    this.namespace = new Namespace(options.namespace);
    this.clientIP = localAddress(runtime);
    const nanos = `${runtime.clock.now()}${String(runtime.random.below(1_000_000)).padStart(6, "0")}`;
    const unitName = options.unitName === undefined ? "" : `@${options.unitName}`;
    this.clientId = `${this.clientIP}@${options.instanceName ?? `${runtime.system.pid}#${nanos}`}${unitName}`;
    this.uniqKeys = new UniqKeys(runtime, this.clientIP);
    // mqadmin consumerStatus of Apache fails without the second.
    const startedAt = String(runtime.clock.now());
    const properties = () => [
      ["PROP_NAMESERVER_ADDR", this.nameServerAddresses.join(";")] as const,
      ["PROP_CONSUMER_START_TIMESTAMP", startedAt] as const,
    ];
    const processors = clientProcessors({ producers: this.#producers, consumers: this.#consumers, properties });
    const tls = options.tls === undefined ? undefined : tlsContext(runtime, options.tls);
    this.#remoting = new RemotingClient({
      runtime,
      log,
      processors,
      sign: inNamespaceV2(
        options.namespaceV2,
        options.credentials === undefined ? undefined : signer(runtime.digest, options.credentials),
      ),
      ...(tls && { tls: () => tls }),
      onClosed: (address) => this.#heartbeats.forget(address),
    });
    const { namesrvDomain, namesrvDomainSubgroup } = options;
    const environment = namesrvDomain === undefined ? runtime.system.environment("NAMESRV_ADDR") : undefined;
    this.#nameServers = new NameServers({
      runtime,
      log,
      remoting: this.#remoting,
      namesrvAddr: options.namesrvAddr ?? environment,
      namesrvDomain,
      namesrvDomainSubgroup,
      timeoutMs: this.timeoutMs,
    });
    const { enableRecallTrace = false, traceTopic } = options;
    this.trace = options.enableTrace === true ? new MessageTrace(this, { topic: traceTopic, enableRecallTrace }) : undefined;
    this.#heartbeats = new Heartbeats(this.#remoting, log, this.clientId);
    this.#timers = [
      runtime.clock.setInterval(() => void this.#refreshRoutes(), options.pollNameServerInterval ?? 30_000),
      runtime.clock.setInterval(() => void this.#nameServers.refresh(), NAME_SERVERS_REFRESH_MS),
      runtime.clock.setInterval(() => void this.beat(), options.heartbeatBrokerInterval ?? 30_000),
    ];
  }

  /**
   * For a new subscription: ms since 1970, above all that it gave before. Brokers pass over one that is not newer than what they
   * know, so a clock that was set back must not make it old.
   */
  nextSubVersion(): number {
    this.#subVersion = Math.max(this.runtime.clock.now(), this.#subVersion + 1);
    return this.#subVersion;
  }

  get unitMode(): boolean {
    return this.#options.unitMode ?? false;
  }

  get timeoutMs(): number {
    return this.#options.mqClientApiTimeout ?? 3_000;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  // ---------------------------------------------------------------------------------------------------------- routes

  /**
   * The route of `topic`; asked for when it is not known. `createWith`: a producer's number of queues, for a topic that the
   * broker will make on the first message, after its template TBW102.
   * @throws MQClientError kind no-route when no broker offers the topic, unreachable when no nameserver answers
   */
  async route(topic: string, options: { createWith?: number; signal?: AbortSignal | undefined } = {}): Promise<TopicRoute> {
    const known = this.#routes.get(topic) ?? (await abortable(this.refreshRoute(topic, options.createWith), options.signal));
    if (known !== undefined) return known;
    throw new MQClientError(
      "no-route",
      `No broker offers topic "${topic}", say the nameservers ${this.#nameServers.addresses.join(";")}. Create it (mqadmin updateTopic), or let brokers do it (autoCreateTopicEnable)`,
    );
  }

  /** The route if it is known; no call. */
  knownRoute(topic: string): TopicRoute | undefined {
    return this.#routes.get(topic);
  }

  /** Asks the nameserver now. Calls at the same time share one question. */
  refreshRoute(topic: string, createWith?: number): Promise<TopicRoute | undefined> {
    this.#checkOpen();
    const asking = this.#asking.get(topic);
    if (asking !== undefined) return asking;
    const question = this.#unlessClosed(`find the brokers of topic "${topic}"`, this.#askRoute(topic, createWith)).finally(() =>
      this.#asking.delete(topic),
    );
    this.#asking.set(topic, question);
    return question;
  }

  /** `host:port` of a broker that some route names; the master unless another id is wanted. */
  brokerAddr(brokerName: string, brokerId = MASTER_ID): string | undefined {
    return this.#brokers.get(brokerName)?.get(brokerId);
  }

  /** The broker that has `queue`: its own, or of a logic queue of a static topic the one that leads it. */
  brokerNameOf(queue: MessageQueue): string {
    const route = this.#routes.get(queue.topic);
    return route === undefined ? queue.brokerName : leaderOf(route, queue);
  }

  /** The master of `queue`'s broker. @throws MQClientError kind no-route */
  async masterOf(queue: MessageQueue, signal?: AbortSignal): Promise<string> {
    signal?.throwIfAborted();
    let address = this.brokerAddr(this.brokerNameOf(queue));
    if (address === undefined) {
      await abortable(this.refreshRoute(queue.topic), signal);
      address = this.brokerAddr(this.brokerNameOf(queue));
    }
    if (address !== undefined) return address;
    const name = this.brokerNameOf(queue);
    throw new MQClientError("no-route", `Broker "${name}" has no master in the route of topic "${queue.topic}"`);
  }

  async #askRoute(topic: string, createWith: number | undefined): Promise<TopicRoute | undefined> {
    const data = await this.#nameServers.route(topic);
    let route = data === undefined ? undefined : topicRoute(topic, data);
    if (route === undefined && createWith !== undefined) {
      const template = await this.#nameServers.route(AUTO_CREATE_TOPIC);
      if (template !== undefined) route = topicRoute(topic, template, createWith);
    }
    const before = this.#routes.get(topic);
    if (route === undefined) return before;
    this.#routes.delete(topic);
    this.#routes.set(topic, route);
    this.#learnBrokers(route);
    if (before !== undefined) this.#forgetBrokers(before);
    const [oldest] = this.#routes.size > ROUTES_MAX ? this.#routes : [];
    if (oldest !== undefined) {
      this.#routes.delete(oldest[0]);
      this.#forgetBrokers(oldest[1]);
    }
    if (before === undefined || addressesOf(before).join() !== addressesOf(route).join()) {
      // Known to the brokers before they are called; but one that is gone must not hold up the others.
      await settledWithin(this.runtime.clock, this.beat(addressesOf(route)), FIRST_BEAT_MS);
    }
    if (before !== undefined && before.readQueues.length !== route.readQueues.length) {
      for (const consumer of this.#consumers.values()) consumer.rebalanceSoon();
    }
    return route;
  }

  #learnBrokers({ data }: TopicRoute): void {
    for (const { brokerName, brokerAddrs } of data.brokerDatas) this.#brokers.set(brokerName, brokerAddrs);
  }

  /** Those of a route that is no more, which no other one names. */
  #forgetBrokers({ data }: TopicRoute): void {
    const gone = new Set(data.brokerDatas.map(({ brokerName }) => brokerName));
    for (const route of this.#routes.values()) {
      if (gone.size === 0) return;
      for (const { brokerName } of route.data.brokerDatas) gone.delete(brokerName);
    }
    for (const brokerName of gone) this.#brokers.delete(brokerName);
  }

  /** One round at a time: at silent nameservers each topic takes a time-out, and a round more than the interval. */
  async #refreshRoutes(): Promise<void> {
    if (this.#refreshing) return;
    this.#refreshing = true;
    try {
      await this.#refreshAllRoutes();
    } finally {
      this.#refreshing = false;
    }
  }

  async #refreshAllRoutes(): Promise<void> {
    const topics = new Set(this.#routes.keys());
    for (const consumer of this.#consumers.values()) for (const topic of consumer.topics()) topics.add(topic);
    for (const topic of topics) {
      if (this.closed) return;
      try {
        await this.refreshRoute(topic);
      } catch (fault) {
        this.log.warn("a route was not refreshed; the known one stays", { topic, reason: (fault as Error).message });
      }
    }
  }

  // ----------------------------------------------------------------------------------------------------------- calls

  /**
   * Calls `address`, whatever the code of its answer. @param tried for messages: "send to topic T"; asked only when it fails
   * @throws MQClientError kind unreachable, timeout or closed; the signal's reason when it is aborted
   */
  async invoke<N extends RequestName>(
    tried: string | (() => string),
    address: string,
    name: N,
    header: RequestHeaderOf<N>,
    options: CallOptions = {},
  ): Promise<PeerReply> {
    this.#checkOpen();
    const { body, timeoutMs = this.timeoutMs } = options;
    try {
      return await this.#remoting.invoke(address, name, header, body, timeoutMs, options);
    } catch (fault) {
      throw this.#faultOf(typeof tried === "string" ? tried : tried(), fault);
    }
  }

  /** Calls `address` and wants SUCCESS. @throws as `invoke`, MQClientError kind bad-reply, and MQBrokerError */
  async call<N extends RequestName>(
    tried: string,
    address: string,
    name: N,
    header: RequestHeaderOf<N>,
    options: CallOptions = {},
  ): Promise<Answer<N>> {
    const reply = await this.invoke(tried, address, name, header, options);
    return answerOf(name, tried, address, expectSuccess(tried, address, reply));
  }

  /** The nameservers, as `host:port`; none before the first question where an end point lists them. */
  get nameServerAddresses(): readonly string[] {
    return this.#nameServers.addresses;
  }

  /** The same, asked for where they are not known yet. @throws MQClientError kind unreachable; the signal's reason */
  async listNameServers(tried: string, signal?: AbortSignal): Promise<readonly string[]> {
    this.#checkOpen();
    await abortable(this.#nameServers.known(tried), signal);
    return this.nameServerAddresses;
  }

  /** `host:port` of all nameservers that a host name stands for; `address` itself where it stands for one. @throws the signal's reason */
  async nameServersBehind(address: string, signal?: AbortSignal): Promise<readonly string[]> {
    this.#checkOpen();
    return abortable(this.#nameServers.behind(address), signal);
  }

  /** Asks one nameserver after the other until one answers, and wants SUCCESS. @throws as `call` */
  async callNameServer<N extends RequestName>(
    tried: string,
    name: N,
    header: RequestHeaderOf<N>,
    options: CallOptions = {},
  ): Promise<Answer<N>> {
    this.#checkOpen();
    const { body, timeoutMs = this.timeoutMs, signal } = options;
    const asked = this.#nameServers.ask(tried, (each) => this.#remoting.invoke(each, name, header, body, timeoutMs, options));
    const { address, reply } = await this.#unlessClosed(tried, abortable(asked, signal));
    return answerOf(name, tried, address, expectSuccess(tried, address, reply));
  }

  /** Sends what gets no answer; waits only where the broker does not read. @throws as `invoke` */
  async oneway<N extends RequestName>(
    tried: string,
    address: string,
    name: N,
    header: RequestHeaderOf<N>,
    options: CallOptions = {},
  ): Promise<void> {
    this.#checkOpen();
    const { body, timeoutMs = this.timeoutMs, signal } = options;
    try {
      await this.#remoting.oneway(address, name, header, body, timeoutMs, signal);
    } catch (fault) {
      throw this.#faultOf(tried, fault);
    }
  }

  /** `asked`, of nameservers: that none answers says nothing of them once this client is closed. */
  async #unlessClosed<T>(tried: string, asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (fault) {
      throw fault instanceof MQClientError && fault.kind === "unreachable" ? this.#faultOf(tried, fault) : fault;
    }
  }

  #faultOf(tried: string, fault: unknown): unknown {
    return this.closed
      ? new MQClientError("closed", `Cannot ${tried}: this client was closed`, fault)
      : clientFault(tried, fault);
  }

  // --------------------------------------------------------------------------------------------------------- members

  addProducer(producer: ProducerMember): void {
    this.#checkOpen();
    this.#producers.add(producer);
  }

  /** One consumer of a group in one client: brokers know it by client and group. */
  addConsumer(consumer: ConsumerMember): void {
    this.#checkOpen();
    if (this.#consumers.has(consumer.consumerGroup)) {
      throw new MQClientError(
        "invalid",
        `Group "${consumer.consumerGroup}" has a consumer in this client already: take another client`,
      );
    }
    this.#consumers.set(consumer.consumerGroup, consumer);
  }

  /** Forgets a member, and tells the brokers when this client has no other in its group. What is no member is left alone. */
  async removeMember(member: { producer: ProducerMember } | { consumer: ConsumerMember }): Promise<void> {
    // Slaves as well, when this is the last consumer.
    const addresses = this.#brokerAddresses();
    const groups = "producer" in member ? this.#forgetProducer(member.producer) : this.#forgetConsumer(member.consumer);
    if (groups === undefined) return;
    const header = { clientID: this.clientId, ...groups };
    await Promise.all(
      addresses.map(async (address) => {
        try {
          await this.#remoting.invoke(address, "UNREGISTER_CLIENT", header, undefined, this.timeoutMs);
        } catch (fault) {
          this.log.warn("a broker did not hear that a member left", { broker: address, reason: (fault as Error).message });
        }
      }),
    );
  }

  /** The group that this client has left by that. */
  #forgetProducer(producer: ProducerMember): { producerGroup: string } | undefined {
    const { producerGroup } = producer;
    if (!this.#producers.delete(producer)) return undefined;
    const stays = [...this.#producers].some((other) => other.producerGroup === producerGroup);
    return stays ? undefined : { producerGroup };
  }

  #forgetConsumer(consumer: ConsumerMember): { consumerGroup: string } | undefined {
    const { consumerGroup } = consumer;
    // Another of the group may have been refused here, and closes.
    if (this.#consumers.get(consumerGroup) !== consumer) return undefined;
    this.#consumers.delete(consumerGroup);
    return { consumerGroup };
  }

  /** Tells all brokers in use, or these, who is here. */
  async beat(addresses: readonly string[] = this.#brokerAddresses()): Promise<void> {
    await this.#heartbeats.beat(addresses, {
      producerGroups: [...new Set([...this.#producers].map((each) => each.producerGroup))],
      consumers: [...this.#consumers.values()].map((each) => each.heartbeat()),
    });
  }

  /** The same, with all that brokers were told before: one says that it does not know a group, or what it subscribes to. */
  async introduceAgain(): Promise<void> {
    this.#heartbeats.forgetAll();
    await this.beat();
  }

  /** Slaves serve nobody but consumers. */
  #brokerAddresses(): string[] {
    const addresses = [...this.#routes.values()].flatMap((route) => addressesOf(route, this.#consumers.size === 0));
    return [...new Set(addresses)];
  }

  // ----------------------------------------------------------------------------------------------------------- close

  /** `close` of this client runs `closer` first: members hand over before the connections go. */
  onClose(closer: () => Promise<void>): () => void {
    this.#closers.add(closer);
    return () => this.#closers.delete(closer);
  }

  /**
   * Closes the members, then the connections. Calls under way are rejected. May be called more than once.
   * @throws what a member's close throws; all else is closed by then
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    // Members still call brokers while they close, so this client counts as closed only behind the first await.
    this.#membersClosing = true;
    const closed = await Promise.allSettled([...this.#closers].map((closer) => closer()));
    await this.trace?.close();
    this.#membersClosing = false;
    this.#remoting.stop();
    for (const each of closed) if (each.status === "rejected") throw each.reason;
  }
  #membersClosing = false;

  #checkOpen(): void {
    if (this.closed && !this.#membersClosing) throw new MQClientError("closed", `Client ${this.clientId} was closed`);
  }
}

function answerOf<N extends RequestName>(name: N, tried: string, address: string, reply: PeerReply): Answer<N> {
  const { extFields, body, remark } = reply;
  return {
    header: readReply(tried, address, () => REQUESTS[name].reply.decode(extFields) as ReplyHeaderOf<N>),
    body,
    remark,
    read: (form) => readReply(tried, address, () => form.decode(body)),
  };
}

function addressesOf({ data }: TopicRoute, mastersOnly = false): string[] {
  return data.brokerDatas.flatMap(({ brokerAddrs }) =>
    [...brokerAddrs].filter(([id]) => !mastersOnly || id === MASTER_ID).map(([, address]) => address),
  );
}

/** @throws MQClientError kind invalid for what can't be used */
function tlsContext(runtime: Runtime, options: TlsClientOptions): TlsContext {
  if (runtime.tls === undefined) throw new MQClientError("invalid", `tls can't be used: the runtime ${runtime.name} has no TLS`);
  try {
    return runtime.tls.client(options);
  } catch (fault) {
    throw new MQClientError("invalid", `tls can't be used: ${(fault as Error).message}`, fault);
  }
}

/** As Java: an address that others can reach, IPv4 before IPv6, the loopback only for want of another. */
function localAddress({ system }: Runtime): string {
  const interfaces = system.interfaces().filter(({ loopback }) => !loopback);
  const v4 = interfaces.find(({ family }) => family === 4);
  const v6 = interfaces.find(({ family, host }) => family === 6 && !host.toLowerCase().startsWith("fe80"));
  return (v4 ?? v6)?.host ?? "127.0.0.1";
}

const QUIET: Log = { error() {}, warn() {}, info() {}, debug() {} };
