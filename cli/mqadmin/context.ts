/** What a command works with: the client to ask through, and the output. Made for one run, closed behind it. */
import { ClientInstance } from "../../core/client/mod.ts";
import type { Runtime } from "../../core/runtime.ts";
import type { RemotingCommand } from "../../wire/remoting_command.ts";
import type { ReplyHeaderOf, RequestHeaderOf, RequestName } from "../../wire/requests.ts";
import { UsageError } from "./declaration.ts";
import type { Output } from "./output.ts";

export interface ContextParts {
  readonly runtime: Runtime;
  readonly output: Output;
  /** `host:port;host:port`, from -n or NAMESRV_ADDR. */
  readonly namesrvAddr: string | undefined;
  readonly timeoutMs: number;
  /** Signs requests, when conf/tools.yml has credentials. */
  readonly sign: ((command: RemotingCommand) => void) | undefined;
}

export class CommandContext {
  readonly runtime: Runtime;
  readonly output: Output;
  /** For one call, ms; Apache's tools have 5,000. */
  readonly timeoutMs: number;
  readonly #parts: ContextParts;
  #client: ClientInstance | undefined;

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

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.runtime.clock.setTimeout(resolve, ms));
  }

  /** @throws UsageError when none is given */
  get namesrvAddrs(): readonly string[] {
    const list = (this.#parts.namesrvAddr ?? "").split(/[;,]/).map((each) => each.trim());
    const given = list.filter((each) => each !== "");
    if (given.length > 0) return given;
    throw new UsageError("no nameserver is given: add -n host:port (several joined by ;), or set NAMESRV_ADDR");
  }

  /** Made when first asked for. A command that names its broker needs no nameserver. */
  get client(): ClientInstance {
    this.#client ??= new ClientInstance({
      runtime: this.runtime,
      namesrvAddr: this.#parts.namesrvAddr ?? NOWHERE,
      instanceName: `mqadmin#${this.runtime.clock.now()}#${this.runtime.system.pid}`,
      mqClientApiTimeout: this.timeoutMs,
      sign: this.#parts.sign,
    });
    return this.#client;
  }

  /** Asks the server at `address` and wants SUCCESS. @throws MQBrokerError, MQClientError, each with the address in its text */
  async call<N extends RequestName>(
    address: string,
    name: N,
    header: RequestHeaderOf<N>,
    body?: Uint8Array,
    timeoutMs = this.timeoutMs,
  ): Promise<{ header: ReplyHeaderOf<N>; body: Uint8Array }> {
    return await this.client.call(wordsOf(name), address, name, header, { body, timeoutMs });
  }

  /** Asks nameservers in turn until one answers. */
  async askNamesrv<N extends RequestName>(name: N, header: RequestHeaderOf<N>, body?: Uint8Array) {
    let fault: unknown;
    for (const address of this.namesrvAddrs) {
      try {
        return await this.call(address, name, header, body);
      } catch (thrown) {
        if ((thrown as { kind?: string }).kind === undefined) throw thrown;
        fault = thrown;
      }
    }
    throw fault;
  }

  async close(): Promise<void> {
    this.output.clearProgress();
    await this.#client?.close();
  }
}

/** Who asks a nameserver without having one is told so before (`namesrvAddrs`); this only stands in for it. */
const NOWHERE = "127.0.0.1:9876";

/** GET_BROKER_CONFIG: "get broker config", for "Cannot get broker config: 10.0.0.1:10911 answered …". */
const wordsOf = (name: RequestName): string => name.toLowerCase().replaceAll("_", " ");
