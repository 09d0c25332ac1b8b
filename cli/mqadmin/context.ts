/** What a command works with: the client to ask through, and the output. Made for one run, closed behind it. */
import { Admin } from "../../core/client/admin/admin.ts";
import { type Answer, type CallOptions, ClientInstance, type ClientOptions } from "../../core/client/client_instance.ts";
import type { SessionCredentials } from "../../core/client/credentials.ts";
import type { Runtime, TlsClientOptions } from "../../core/runtime.ts";
import type { RequestHeaderOf, RequestName } from "../../wire/requests.ts";
import { UsageError } from "./errors.ts";
import type { Output } from "./output.ts";

export interface ContextParts {
  readonly runtime: Runtime;
  readonly output: Output;
  /** `host:port;host:port`, from -n or NAMESRV_ADDR. */
  readonly namesrvAddr: string | undefined;
  readonly timeoutMs: number;
  readonly environment: (name: string) => string | undefined;
  /** Of conf/tools.yml. */
  readonly credentials: SessionCredentials | undefined;
  /** Of JAVA_OPT; undefined for plain connections. */
  readonly tls: TlsClientOptions | undefined;
}

export class CommandContext {
  readonly runtime: Runtime;
  readonly output: Output;
  /** For one call, ms; Apache's tools have 5,000. */
  readonly timeoutMs: number;
  readonly #parts: ContextParts;
  readonly #clients: ClientInstance[] = [];
  #client: ClientInstance | undefined;
  #admin: Admin | undefined;

  constructor(parts: ContextParts) {
    this.#parts = parts;
    this.runtime = parts.runtime;
    this.output = parts.output;
    this.timeoutMs = parts.timeoutMs;
  }

  /** One line of Apache's text. */
  print(line: string): void {
    this.output.print(line);
  }

  /** Wall clock, ms. */
  now(): number {
    return this.runtime.clock.now();
  }

  /** A variable of the process's environment. */
  environment(name: string): string | undefined {
    return this.#parts.environment(name);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.runtime.clock.setTimeout(resolve, ms));
  }

  /** @throws UsageError when none is given */
  get namesrvAddrs(): readonly string[] {
    return this.client.nameServerAddresses;
  }

  /** Made when first asked for. A command that names its broker needs no nameserver. */
  get client(): ClientInstance {
    this.#client ??= this.newClient();
    return this.#client;
  }

  /** One with settings of its own, closed with the others. */
  newClient(more: Partial<ClientOptions> = {}): ClientInstance {
    const client = this.#newClient(more);
    this.#clients.push(client);
    return client;
  }

  /** Every operation of Java's DefaultMQAdminExt. */
  get admin(): Admin {
    this.#admin ??= new Admin(this.client, { timeoutMs: this.timeoutMs });
    return this.#admin;
  }

  #newClient(more: Partial<ClientOptions>): ClientInstance {
    const { namesrvAddr = "", credentials, tls } = this.#parts;
    const options = {
      runtime: this.runtime,
      instanceName: `mqadmin#${this.runtime.clock.now()}#${this.runtime.system.pid}`,
      mqClientApiTimeout: this.timeoutMs,
      ...(credentials && { credentials }),
      ...(tls && { tls }),
      ...more,
    };
    return namesrvAddr === ""
      ? new ClientWithoutNameServer({ ...options, namesrvAddr: NOWHERE })
      : new ClientInstance({ ...options, namesrvAddr });
  }

  /** What `Admin` has no operation for. @throws MQBrokerError, MQClientError, each with the address in its text */
  async call<N extends RequestName>(
    address: string,
    name: N,
    header: RequestHeaderOf<N>,
    options: CallOptions = {},
  ): Promise<Answer<N>> {
    return await this.client.call(wordsOf(name), address, name, header, { timeoutMs: this.timeoutMs, ...options });
  }

  async close(): Promise<void> {
    this.output.clearProgress();
    await Promise.all(this.#clients.map((client) => client.close()));
  }
}

/** Calls brokers by their address; what needs a nameserver says how to name one. */
class ClientWithoutNameServer extends ClientInstance {
  override get nameServerAddresses(): readonly string[] {
    throw missing();
  }

  override callNameServer(): Promise<never> {
    return Promise.reject(missing());
  }

  override refreshRoute(): Promise<never> {
    return Promise.reject(missing());
  }
}

const missing = () => new UsageError("no nameserver is given: add -n host:port (several joined by ;), or set NAMESRV_ADDR");

/** A client has to have an address; this one is never called. */
const NOWHERE = "127.0.0.1:1";

/** GET_BROKER_CONFIG: "get broker config", for "Cannot get broker config: 10.0.0.1:10911 answered …". */
const wordsOf = (name: RequestName): string => name.toLowerCase().replaceAll("_", " ");
