/** A whole broker on the simulator, called without a socket, and callers that write down what the broker sends them. */
import { expect } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { Broker } from "../../core/broker/broker.ts";
import { type BrokerSettings, type BrokerSettingsInput, brokerOptions } from "../../core/broker/options.ts";
import type { LocalNameServer } from "../../core/broker/registration/registration_targets.ts";
import { settingsWith } from "../../core/config.ts";
import { LocalPeer } from "../../core/remoting/local_peer.ts";
import type { PeerReply, RemotingError, TypedReply } from "../../core/remoting/processor.ts";
import type { Endpoint, Log, LogFields, Runtime } from "../../core/runtime.ts";
import type { HeartbeatData } from "../../wire/bodies/heartbeat.ts";
import { heartbeatData } from "../../wire/bodies/heartbeat.ts";
import type { SubscriptionData } from "../../wire/bodies/subscription.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import type { ExtFields } from "../../wire/remoting_command.ts";
import type { RequestHeaderOf, RequestName, ServedBy } from "../../wire/requests.ts";

export interface Line {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly message: string;
  readonly fields: LogFields;
}

export class RecordingLog implements Log {
  readonly lines: Line[] = [];
  error = this.#writer("error");
  warn = this.#writer("warn");
  info = this.#writer("info");
  debug = this.#writer("debug");

  of(level: Line["level"]): Line[] {
    return this.lines.filter((line) => line.level === level);
  }

  #writer(level: Line["level"]) {
    return (message: string, fields: LogFields = {}): void => {
      this.lines.push({ level, message, fields });
    };
  }
}

/** A client in this process that keeps what the broker sends it, and answers as told. */
export class RecordingPeer extends LocalPeer {
  readonly received: { name: RequestName; header: unknown; body: Uint8Array }[];

  constructor(remote: Endpoint, answer: (name: RequestName, body: Uint8Array) => PeerReply | undefined = () => undefined) {
    const received: { name: RequestName; header: unknown; body: Uint8Array }[] = [];
    super({
      remote,
      local: { host: "10.0.0.1", port: 10911 },
      onRequest(name, header, body) {
        received.push({ name, header, body });
        return answer(name, body);
      },
    });
    this.received = received;
  }

  count(name: RequestName): number {
    return this.received.filter((request) => request.name === name).length;
  }
}

let nextPort = 40_000;
export const client = (answer?: (name: RequestName, body: Uint8Array) => PeerReply | undefined): RecordingPeer =>
  new RecordingPeer({ host: "10.0.0.9", port: nextPort++ }, answer);

export const SETTINGS: BrokerSettingsInput = {
  brokerName: "broker-a",
  storePathRootDir: "/store",
  mappedFileSizeCommitLog: 1024 * 1024,
  mappedFileSizeConsumeQueue: 20 * 1000,
  maxHashSlotNum: 1000,
  maxIndexNum: 4000,
  namesrvAddr: "",
};

export interface HarnessOptions {
  readonly settings?: BrokerSettingsInput;
  readonly runtime?: SimRuntime;
  readonly listen?: boolean;
  readonly nameServer?: LocalNameServer;
}

export const settingsOf = (runtime: Runtime, input: BrokerSettingsInput = {}): BrokerSettings =>
  settingsWith(brokerOptions, { ...SETTINGS, ...input }, runtime.system);

interface Sent {
  readonly topic?: string;
  readonly queueId?: number;
  readonly properties?: string;
  readonly bornTimestamp?: number;
  readonly body?: string;
}

export class BrokerHarness {
  readonly runtime: SimRuntime;
  readonly log = new RecordingLog();
  readonly broker: Broker;

  private constructor(runtime: SimRuntime, options: HarnessOptions) {
    this.runtime = runtime;
    const { listen = false, nameServer } = options;
    const settings = settingsOf(runtime, options.settings);
    this.broker = new Broker({ runtime, log: this.log, settings, listen, ...(nameServer === undefined ? {} : { nameServer }) });
  }

  static async start(options: HarnessOptions = {}): Promise<BrokerHarness> {
    const harness = new BrokerHarness(options.runtime ?? simRuntime(), options);
    await harness.broker.start();
    return harness;
  }

  /** A call whose reply there must be. */
  async call<N extends ServedBy<"broker">>(
    name: N,
    header: RequestHeaderOf<N>,
    body?: Uint8Array | string,
    caller: { peer?: LocalPeer; extFields?: ExtFields } = {},
  ): Promise<TypedReply<N>> {
    const bytes = typeof body === "string" ? encodeUtf8(body) : body;
    const reply = await this.broker.invoke(name, header, bytes, caller);
    if (reply === undefined) throw new Error(`${name} was not answered`);
    return reply;
  }

  /** A call that must be refused. */
  async refused<N extends ServedBy<"broker">>(
    name: N,
    header: RequestHeaderOf<N>,
    body?: Uint8Array | string,
  ): Promise<{ code: number; remark: string }> {
    try {
      await this.call(name, header, body);
    } catch (refusal) {
      return { code: (refusal as RemotingError).code, remark: (refusal as Error).message };
    }
    expect(`${name} was accepted`).toBe("refused");
    throw new Error("unreachable");
  }

  heartbeat(peer: LocalPeer, data: Partial<HeartbeatData>): Promise<TypedReply<"HEART_BEAT">> {
    const whole = heartbeatData.read({}, "");
    return this.call("HEART_BEAT", {}, heartbeatData.encode({ ...whole, clientID: "c1", ...data }), { peer });
  }

  /** One message of user text into a queue. */
  async send(topic: string, queueId: number, text: string, tag = "a"): Promise<string> {
    const reply = await this.#send({ topic, queueId, properties: `TAGS\u0001${tag}\u0002`, body: text });
    return reply.header?.msgId ?? "";
  }

  /** A send of the body "raw" to T with its properties as they are. @returns the answer's code */
  async sendRaw(of: Sent): Promise<number> {
    return (await this.#send(of)).code ?? 0;
  }

  #send(of: Sent): Promise<TypedReply<"SEND_MESSAGE">> {
    const { topic = "T", queueId = 0, properties = "", bornTimestamp = this.runtime.clock.now(), body = "raw" } = of;
    const header = { producerGroup: "PG", topic, defaultTopic: "TBW102", defaultTopicQueueNums: 4, queueId, sysFlag: 0, flag: 0 };
    return this.call("SEND_MESSAGE", { ...header, bornTimestamp, properties }, body);
  }

  /** Stops, and starts another broker on the same disk. */
  async restart(settings: BrokerSettingsInput = {}): Promise<BrokerHarness> {
    await this.broker.stop();
    return BrokerHarness.start({ runtime: this.runtime, settings });
  }
}

export const subscription = (topic: string, subString = "*", subVersion = 1): SubscriptionData => ({
  classFilterMode: false,
  topic,
  subString,
  tagsSet: new Set(),
  codeSet: new Set(),
  subVersion,
  expressionType: "TAG",
});

/** A push consumer's part of a heartbeat. */
export const consumerOf = (
  groupName: string,
  ...subscriptions: SubscriptionData[]
): HeartbeatData["consumerDataSet"][number] => ({
  groupName,
  consumeType: "CONSUME_PASSIVELY",
  messageModel: "CLUSTERING",
  consumeFromWhere: "CONSUME_FROM_LAST_OFFSET",
  subscriptionDataSet: subscriptions,
  unitMode: false,
});

export const topicHeader = (topic: string, more: Partial<RequestHeaderOf<"UPDATE_AND_CREATE_TOPIC">> = {}) => ({
  topic,
  defaultTopic: "TBW102",
  readQueueNums: 4,
  writeQueueNums: 4,
  perm: 6,
  topicFilterType: "SINGLE_TAG",
  order: false,
  force: false,
  ...more,
});

/** What a promise that must reject says. */
export async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (fault) {
    return (fault as Error).message;
  }
  throw new Error("the promise was fulfilled");
}
