/** A nameserver in a simulated process, called through the processors as a peer would, and bodies as Java writes them. */
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { settingsWith } from "../../core/config.ts";
import { NameServer, type NameServerOptions } from "../../core/namesrv/namesrv.ts";
import { type NamesrvSettingsInput, namesrvOptions } from "../../core/namesrv/options.ts";
import { LocalPeer } from "../../core/remoting/local_peer.ts";
import { type Peer, type Processor, RemotingError } from "../../core/remoting/processor.ts";
import type { Log } from "../../core/runtime.ts";
import { WireError } from "../../wire/errors.ts";
import { type ExtFields, NO_BODY } from "../../wire/remoting_command.ts";
import { REQUESTS, type ServedBy } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { VERSION_CURRENT } from "../../wire/version.ts";

export interface Answer {
  readonly code: number;
  readonly remark: string | undefined;
  /** Header and other fields, as text. */
  readonly fields: ExtFields;
  /** The body as text; empty when there is none. */
  readonly text: string;
}

export interface CallOptions {
  readonly peer?: Peer;
  readonly version?: number;
  readonly body?: string | Uint8Array;
  /** Fields beyond the header's. */
  readonly fields?: ExtFields;
}

export interface TestServer {
  readonly server: NameServer;
  readonly sim: SimRuntime;
  /** Lines logged, `level message`. */
  readonly logged: string[];
  /** Header fields as they stand on the wire; errors come back as answers. */
  readonly call: (name: ServedBy<"namesrv">, fields?: ExtFields, options?: CallOptions) => Promise<Answer>;
}

export function testServer(
  settings: NamesrvSettingsInput = {},
  sim: SimRuntime = simRuntime(),
  more: Partial<NameServerOptions> = {},
): TestServer {
  const logged: string[] = [];
  const server = new NameServer({
    runtime: sim,
    log: logInto(logged),
    settings: settingsWith(namesrvOptions, settings, sim.system),
    ...more,
  });
  const anyone = new LocalPeer();
  return {
    server,
    sim,
    logged,
    call: (name, fields = {}, options = {}) => call(server, name, fields, { peer: anyone, ...options }),
  };
}

async function call(server: NameServer, name: ServedBy<"namesrv">, fields: ExtFields, options: CallOptions): Promise<Answer> {
  const { peer = new LocalPeer(), version = VERSION_CURRENT, body = NO_BODY } = options;
  const extFields = { ...fields, ...options.fields };
  const context = { peer, version, language: 0, oneway: false, extFields, receivedAt: 0 };
  try {
    const request = {
      header: REQUESTS[name].request.decode(extFields),
      body: typeof body === "string" ? new TextEncoder().encode(body) : body,
    };
    const reply = await (server.processors[name] as Processor<ServedBy<"namesrv">>)(context, request as never);
    const header: ExtFields = reply?.header === undefined ? {} : REQUESTS[name].reply.encode(reply.header as never);
    return {
      code: reply?.code ?? ResponseCode.SUCCESS,
      remark: reply?.remark,
      fields: { ...header, ...reply?.extFields },
      text: new TextDecoder().decode(reply?.body),
    };
  } catch (error) {
    if (error instanceof RemotingError) return { code: error.code, remark: error.message, fields: {}, text: "" };
    if (error instanceof WireError) return { code: ResponseCode.SYSTEM_ERROR, remark: error.message, fields: {}, text: "" };
    throw error;
  }
}

export function logInto(lines: string[]): Log {
  const write = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  };
  return { error: write("error"), warn: write("warn"), info: write("info"), debug: () => {} };
}

/** Message of the rejection; fails when there is none. (Bun types `expect(…).rejects` as no promise.) */
export const rejection = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "not rejected",
    (error: unknown) => (error as Error).message,
  );

// --------------------------------------------------------------------------------------- bodies, as Java's classes write

export interface TopicInput {
  readonly name: string;
  readonly read?: number;
  readonly write?: number;
  readonly perm?: number;
  readonly sysFlag?: number;
}

export interface RegisterInput {
  readonly topics?: readonly (string | TopicInput)[];
  readonly stateVersion?: number;
  readonly timestamp?: number;
  readonly counter?: number;
  readonly filterServers?: readonly string[];
  /** JSON of topicQueueMappingInfoMap. */
  readonly mappings?: string;
}

export function registerBody({
  topics = ["T1", "T2"],
  stateVersion = 0,
  timestamp = 5,
  counter = 0,
  filterServers = [],
  mappings = "{}",
}: RegisterInput = {}): string {
  const table = topics.map((topic) => {
    const { name, read = 4, write = 4, perm = 6, sysFlag = 0 } = typeof topic === "string" ? { name: topic } : topic;
    return (
      `${JSON.stringify(name)}:{"attributes":{},"order":false,"perm":${perm},"readQueueNums":${read},"topicFilterType":"SINGLE_TAG",` +
      `"topicName":${JSON.stringify(name)},"topicSysFlag":${sysFlag},"writeQueueNums":${write}}`
    );
  });
  return (
    `{"filterServerList":${JSON.stringify(filterServers)},"topicConfigSerializeWrapper":{"dataVersion":{"counter":${counter},` +
    `"stateVersion":${stateVersion},"timestamp":${timestamp}},"mappingDataVersion":{"counter":0,"stateVersion":0,"timestamp":1},` +
    `"topicConfigTable":{${table.join(",")}},"topicQueueMappingDetailMap":{},"topicQueueMappingInfoMap":${mappings}}}`
  );
}

export interface BrokerInput extends RegisterInput {
  readonly cluster?: string;
  readonly id?: number;
  readonly acting?: boolean;
  readonly zone?: string;
  readonly timeoutMs?: number;
  readonly peer?: Peer;
}

/** Registers broker `name` at `address`; HA port is 10912 on the same host, as in the run of Apache's classes. */
export function register({ call }: TestServer, name: string, address: string, input: BrokerInput = {}): Promise<Answer> {
  const { cluster = "C", id = 0, acting, zone, timeoutMs, peer = new LocalPeer() } = input;
  return call(
    "REGISTER_BROKER",
    {
      clusterName: cluster,
      brokerName: name,
      brokerAddr: address,
      brokerId: String(id),
      haServerAddr: address.replace("10911", "10912"),
      compressed: "false",
      bodyCrc32: "0",
      ...(acting === undefined ? {} : { enableActingMaster: String(acting) }),
      ...(timeoutMs === undefined ? {} : { heartbeatTimeoutMillis: String(timeoutMs) }),
      ...(zone === undefined ? {} : { __ZONE_NAME: zone }),
    },
    { body: registerBody(input), peer },
  );
}

/** Answered at once, carried out at the end of the turn: this waits for both. */
export async function unregister(
  { call, sim }: TestServer,
  name: string,
  address: string,
  id = 0,
  cluster = "C",
): Promise<Answer> {
  const answer = await call("UNREGISTER_BROKER", {
    clusterName: cluster,
    brokerName: name,
    brokerAddr: address,
    brokerId: String(id),
  });
  await sim.clock.settle();
  return answer;
}

export const route = ({ call }: TestServer, topic: string, options: CallOptions = {}): Promise<Answer> =>
  call("GET_ROUTEINFO_BY_TOPIC", { topic }, options);

/** brokerName -> addresses, of a route's body. */
export function addressesIn(answer: Answer): Record<string, Record<string, string>> {
  const { brokerDatas } = JSON.parse(answer.text) as {
    brokerDatas: { brokerName: string; brokerAddrs: Record<string, string> }[];
  };
  return Object.fromEntries(brokerDatas.map(({ brokerName, brokerAddrs }) => [brokerName, brokerAddrs]));
}

/** brokerName -> perm, of a route's body. */
export function permsIn(answer: Answer): Record<string, number> {
  const { queueDatas } = JSON.parse(answer.text) as { queueDatas: { brokerName: string; perm: number }[] };
  return Object.fromEntries(queueDatas.map(({ brokerName, perm }) => [brokerName, perm]));
}
