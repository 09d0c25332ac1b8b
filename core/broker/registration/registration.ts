/**
 * How nameservers know this broker and its topics.
 *
 * Every nameserver is registered with independently of the others: at start, every registerNameServerPeriod, when the
 * connection to it was lost, and at once when a topic changes (with that topic alone, if it knows the broker already). One
 * that is down, or whose name has no address yet, is tried again every few seconds and gets everything when it is back. Calls to one nameserver never overlap,
 * so it can't see an older state after a newer one.
 */
import type { MessageQueue } from "../../../wire/bodies/message_queue.ts";
import { type QueueData, type TopicRouteData, topicRouteData } from "../../../wire/bodies/route.ts";
import type { TopicConfig } from "../../../wire/bodies/topic.ts";
import { PERM_READ, PERM_WRITE } from "../../../wire/perm_name.ts";
import type { SerializeType } from "../../../wire/remoting_command.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { signerOf } from "../../auth/credentials.ts";
import { topicRoute } from "../../client/topic_route.ts";
import { settledWithin } from "../../client/waiting.ts";
import { RemotingClient } from "../../remoting/client.ts";
import type { TimerHandle, TlsContext } from "../../runtime.ts";
import { RefusedByNameServer, type RegistrationCallParts, RegistrationCalls } from "./registration_calls.ts";
import { type NameServerCaller, NameServerTargets } from "./registration_targets.ts";

/** A nameserver that did not answer is tried again after this; Apache waits for the next period. */
const RETRY_AFTER_MS = 5_000;
/** Start, and who has changed a topic, wait this long for nameservers: one that hangs must not keep them waiting for longer. */
const TOLD_WAIT_MS = 3_000;
const ROUTE_TIMEOUT_MS = 3_000;

export interface RegistrationParts extends RegistrationCallParts {
  /** How the headers of the requests are written. */
  readonly serializeType?: SerializeType;
  /** For connections to nameservers; undefined: they are plain. */
  readonly tls?: () => TlsContext | undefined;
  /** Nameservers in this process. */
  readonly local?: readonly NameServerCaller[];
}

interface Target {
  readonly caller: NameServerCaller;
  /** It has taken all our topics, and has not lost us since. */
  known: boolean;
  /** What it said or did last when it was not well; undefined when it is. */
  failure: string | undefined;
  /** New and changed topics that it was not told of yet, by name. */
  readonly changed: Map<string, TopicConfig>;
  /** It is to get all topics, not only those of `changed`. */
  wantsAll: boolean;
  /** A call is under way. */
  busy: boolean;
  /** That call, or the last one. Never rejects. */
  call: Promise<boolean>;
  retry: TimerHandle | undefined;
}

export class NameServerRegistration {
  readonly #parts: RegistrationParts;
  readonly #client: RemotingClient<never>;
  readonly #calls: RegistrationCalls;
  readonly #servers: NameServerTargets;
  readonly #targets = new Map<NameServerCaller, Target>();
  readonly #timers: TimerHandle[] = [];
  /** The next try, by entry of namesrvAddr whose name has no address yet. */
  readonly #lookUps = new Map<string, TimerHandle>();
  #stopped = false;

  constructor(parts: RegistrationParts) {
    this.#parts = parts;
    const { runtime, log, settings, serializeType, tls } = parts;
    this.#client = new RemotingClient<never>({
      runtime,
      log,
      connectTimeoutMs: settings.connectTimeoutMillis,
      sign: signerOf(runtime.digest, settings),
      ...(tls === undefined ? {} : { tls }),
      ...(serializeType === undefined ? {} : { serializeType }),
    });
    this.#calls = new RegistrationCalls(parts);
    this.#servers = new NameServerTargets(parts, this.#client, parts.local ?? []);
  }

  /**
   * Queues of a topic that may be read, of every broker in its route; undefined when no nameserver that answers knows one.
   * Each question goes to the nameservers: whoever asks often keeps the answer.
   * @param asLogic of a static topic its logic queues, as a client that pulls knows them
   */
  async queuesOf(topic: string, asLogic = false): Promise<readonly MessageQueue[] | undefined> {
    const route = await this.#routeOf(topic);
    if (route !== undefined && asLogic && (route.topicQueueMappingByBroker?.size ?? 0) > 0) {
      return topicRoute(topic, route).readQueues;
    }
    return route?.queueDatas.flatMap(({ brokerName, readQueueNums, perm }) =>
      (perm & PERM_READ) === 0 ? [] : Array.from({ length: readQueueNums }, (_, queueId) => ({ topic, brokerName, queueId })),
    );
  }

  /** Brokers of a topic's write queues, one a queue, as senders order them: by name. Undefined as with `queuesOf`. */
  async writeBrokersOf(topic: string): Promise<string[] | undefined> {
    const queues = (await this.#queueDatasOf(topic))?.filter(({ perm }) => (perm & PERM_WRITE) !== 0);
    queues?.sort((a, b) => (a.brokerName < b.brokerName ? -1 : Number(a.brokerName > b.brokerName)));
    return queues?.flatMap(({ brokerName, writeQueueNums }) => Array.from({ length: writeQueueNums }, () => brokerName));
  }

  /** `host:port` of the master of that name; undefined when no nameserver that answers has it in the topic's route. */
  async masterOf(topic: string, brokerName: string): Promise<string | undefined> {
    const brokers = (await this.#routeOf(topic))?.brokerDatas;
    return brokers?.find((broker) => broker.brokerName === brokerName)?.brokerAddrs.get(0);
  }

  async #queueDatasOf(topic: string): Promise<QueueData[] | undefined> {
    return (await this.#routeOf(topic))?.queueDatas;
  }

  async #routeOf(topic: string): Promise<TopicRouteData | undefined> {
    for (const { caller } of this.#targets.values()) {
      try {
        const reply = await caller.invoke("GET_ROUTEINFO_BY_TOPIC", { topic }, undefined, ROUTE_TIMEOUT_MS);
        if (reply.code === ResponseCode.SUCCESS) return topicRouteData.decode(reply.body);
      } catch (fault) {
        this.#parts.log.warn("a nameserver did not say where a topic is; the next one is asked", {
          nameServer: caller.address,
          topic,
          why: fault instanceof Error ? fault.message : String(fault),
        });
      }
    }
    return undefined;
  }

  /** Registers everywhere; returns when all nameservers answered, or after three seconds. Never rejects. */
  async start(): Promise<void> {
    const { runtime, settings } = this.#parts;
    this.#adopt(this.#servers.all());
    const resolved = this.#resolve();
    this.#timers.push(
      runtime.clock.setInterval(() => this.registerAll(), settings.registerNameServerPeriod),
      runtime.clock.setInterval(() => void this.#resolve(), settings.updateNameServerAddrPeriod),
    );
    const first = resolved.then(() => this.#toldAll([...this.#targets.values()]));
    await settledWithin(runtime.clock, first, TOLD_WAIT_MS);
  }

  /**
   * Until every nameserver that was well knows what has changed so far; three seconds at most. Never rejects. Who is told that
   * a topic is made, or has another permission, finds it so in the route, as with Apache's broker.
   */
  async told(): Promise<void> {
    const busy = [...this.#targets.values()].filter((target) => target.busy && target.failure === undefined);
    if (busy.length > 0) await settledWithin(this.#parts.runtime.clock, this.#toldAll(busy), TOLD_WAIT_MS);
  }

  async #toldAll(targets: readonly Target[]): Promise<void> {
    await Promise.all(targets.map((target) => this.#callWithAll(target)));
  }

  /** Until the call is over that tells what is to be told now: others may follow it without end. */
  async #callWithAll(target: Target): Promise<void> {
    const isNext = target.wantsAll || target.changed.size > 0;
    const wasDone = await target.call;
    if (isNext && wasDone) await target.call;
  }

  /** Nameservers, and what is wrong with each (undefined: nothing). */
  state(): { readonly address: string; readonly failure: string | undefined }[] {
    return [...this.#targets.values()].map(({ caller, failure }) => ({ address: caller.address, failure }));
  }

  /** All topics, to every nameserver. */
  registerAll(): void {
    for (const target of this.#targets.values()) this.#want(target);
  }

  /** One topic is new or changed. */
  topicChanged(config: TopicConfig): void {
    for (const target of this.#targets.values()) {
      target.changed.set(config.topicName, config);
      this.#run(target);
    }
  }

  /** Takes the broker off all nameservers and closes the connections to them. Never rejects. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#calls.stop();
    for (const timer of [...this.#timers.splice(0), ...this.#lookUps.values()]) timer.cancel();
    const { settings, log } = this.#parts;
    await Promise.all(
      [...this.#targets.values()].map(async (target) => {
        target.retry?.cancel();
        if (target.failure !== undefined && !target.known) return;
        try {
          await this.#calls.unregister(target.caller);
        } catch (fault) {
          log.warn("cannot unregister from a nameserver; it forgets this broker by itself", {
            nameserver: target.caller.address,
            broker: settings.brokerName,
            reason: textOf(fault),
          });
        }
        target.caller.close?.();
      }),
    );
    this.#client.stop();
  }

  // ------------------------------------------------------------------------------------------------------- targets

  /** Each name by itself: one that takes its time, or has no address yet, keeps none of the others waiting. */
  async #resolve(): Promise<void> {
    await Promise.all(this.#servers.configured().map((entry) => this.#resolveEntry(entry)));
  }

  async #resolveEntry(entry: string): Promise<void> {
    const isKnown = await this.#servers.lookUp(entry);
    if (this.#stopped) return;
    this.#lookUps.get(entry)?.cancel();
    if (!isKnown) {
      const again = this.#parts.runtime.clock.setTimeout(() => void this.#resolveEntry(entry), RETRY_AFTER_MS);
      this.#lookUps.set(entry, again);
    }
    const { added, removed } = this.#servers.take();
    for (const caller of removed) {
      this.#targets.get(caller)?.retry?.cancel();
      this.#targets.delete(caller);
    }
    this.#adopt(added);
  }

  #adopt(callers: readonly NameServerCaller[]): void {
    for (const caller of callers) {
      if (this.#targets.has(caller)) continue;
      const target: Target = {
        caller,
        known: false,
        failure: undefined,
        changed: new Map(),
        wantsAll: true,
        busy: false,
        call: DONE,
        retry: undefined,
      };
      this.#targets.set(caller, target);
      caller.onLost?.(() => this.#lost(target));
      this.#run(target);
    }
  }

  #lost(target: Target): void {
    if (this.#stopped || !this.#targets.has(target.caller)) return;
    target.known = false;
    this.#want(target);
  }

  #want(target: Target): void {
    target.wantsAll = true;
    this.#run(target);
  }

  /** Starts what is wanted, unless a call is under way: that one goes on with it. */
  #run(target: Target): void {
    if (this.#stopped || target.busy) return;
    target.retry?.cancel();
    target.retry = undefined;
    target.busy = true;
    void this.#drain(target);
  }

  async #drain(target: Target): Promise<void> {
    try {
      while (!this.#stopped && (target.wantsAll || target.changed.size > 0)) {
        target.call = this.#attempt(target);
        if (!(await target.call)) return;
      }
    } finally {
      // In the same turn as the last look at what is wanted: nothing can come in between and be forgotten.
      target.busy = false;
    }
  }

  /** One registration; false when the nameserver is left alone for a while. */
  async #attempt(target: Target): Promise<boolean> {
    const all = target.wantsAll || !target.known;
    const changed = [...target.changed.values()];
    target.wantsAll = false;
    target.changed.clear();
    try {
      if (all) await this.#calls.registerAll(target.caller, target.known);
      else await this.#calls.registerSome(target.caller, changed);
      this.#succeeded(target);
      return true;
    } catch (fault) {
      const wasKnown = target.known;
      target.known = false;
      target.wantsAll = true;
      // A nameserver that knows us no more refuses a single topic: it gets everything at once.
      if (!all && wasKnown && fault instanceof RefusedByNameServer) return true;
      this.#failed(target, textOf(fault));
      return false;
    }
  }

  #succeeded(target: Target): void {
    if (target.failure !== undefined)
      this.#parts.log.info("registered with the nameserver again", { nameserver: target.caller.address });
    target.failure = undefined;
    target.known = true;
  }

  /** One line when a nameserver fails and one when it is back, not one a try. */
  #failed(target: Target, reason: string): void {
    if (this.#stopped) return;
    if (target.failure === undefined) {
      this.#parts.log.warn("cannot register with a nameserver; it is tried again", {
        nameserver: target.caller.address,
        broker: this.#parts.settings.brokerName,
        reason,
      });
    }
    target.failure = reason;
    target.retry = this.#parts.runtime.clock.setTimeout(() => this.#want(target), RETRY_AFTER_MS);
  }
}

const DONE = Promise.resolve(true);

const textOf = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault));
