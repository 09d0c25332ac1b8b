/**
 * One small RocketMQ cluster for the interop tests: nameservers and a broker of any target, with their properties files
 * and data in one temporary directory, on free ports of loopback. Restarts keep ports and data.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Child, type Command, freePorts } from "./processes.ts";
import { untilRegistered } from "./registered.ts";
import type { Target } from "./targets.ts";
import { type TlsFiles, writeTlsFiles } from "./tls_files.ts";

/** An Apache JVM on a busy machine of two cores takes up to 15 s to be ready. */
const readyTimeoutMs = 90_000;

/** The words both Apache's and our servers print when they are ready. */
const namesrvReadyText = "The Name Server boot success";
const brokerReadyText = "] boot success";

export interface ClusterOptions {
  readonly target: Target;
  /** Who serves as nameserver; the target when left out. */
  readonly namesrvTarget?: Target;
  /** How many nameservers have a port and stand in the broker's namesrvAddr; only the first is started by `start`. */
  readonly namesrvCount?: number;
  /** The address everybody listens on and dials: 127.0.0.1, or ::1. */
  readonly host?: string;
  /** More keys for broker.conf. */
  readonly brokerConfig?: Readonly<Record<string, string>> | undefined;
  /** Files below ROCKETMQ_HOME of the broker, by path. */
  readonly brokerFiles?: Readonly<Record<string, string>>;
  /** One process for both roles, without any properties file: ours only. */
  readonly standalone?: boolean | undefined;
  /** TLS only, between everybody, with certificates on both sides. */
  readonly tls?: boolean | undefined;
  /** A second master, broker-b, that is there from start to end. */
  readonly secondBroker?: boolean | undefined;
}

const propertiesText = (config: Readonly<Record<string, string>>): string =>
  Object.entries(config)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");

export class Cluster {
  readonly directory: string;
  readonly #options: ClusterOptions;
  readonly #namesrvPorts: number[];
  readonly brokerPort: number;
  readonly #namesrvs = new Map<number, Child>();
  #broker: Child | undefined;
  #second: Child | undefined;
  #target: Target;
  #tls: TlsFiles | undefined;

  private constructor(options: ClusterOptions, directory: string, firstPort: number, namesrvCount: number) {
    this.#options = options;
    this.#target = options.target;
    this.directory = directory;
    this.#namesrvPorts = Array.from({ length: namesrvCount }, (_, index) => firstPort + index);
    this.brokerPort = firstPort + namesrvCount + 2;
  }

  /** Starts the first nameserver and the broker, and returns when both say that they are ready. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const namesrvCount = options.namesrvCount ?? 2;
    // ports: nameservers, then listenPort − 2, (unused), listenPort, listenPort + 1
    // … and the same three again for an intruder
    const firstPort = await freePorts(namesrvCount + 8);
    const directory = mkdtempSync(join(tmpdir(), `edgemq-interop-${options.target.name}-`));
    const cluster = new Cluster(options, directory, firstPort, namesrvCount);
    if (options.tls === true) cluster.#tls = await writeTlsFiles(directory);
    cluster.#writeFiles();
    try {
      if (options.standalone !== true) await cluster.startNamesrv(0);
      await cluster.startBroker();
      if (options.secondBroker === true) await cluster.#startSecond();
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  get host(): string {
    return this.#options.host ?? "127.0.0.1";
  }

  /** `host:port;host:port`, as clients and namesrvAddr take it. */
  get namesrvAddr(): string {
    return this.#namesrvPorts.map((port) => `${this.host}:${port}`).join(";");
  }

  namesrvAddrOf(index: number): string {
    return `${this.host}:${this.#namesrvPorts[index]}`;
  }

  get brokerAddr(): string {
    return `${this.host}:${this.brokerPort}`;
  }

  get brokerPid(): number | undefined {
    return this.#broker?.pid;
  }

  /** What a JVM with a client is started with besides. */
  get clientJvm(): readonly string[] {
    return this.#tls?.clientJvm ?? [];
  }

  /** Apache's servers read nothing of TLS from their files. */
  #withTls(command: Command): Command {
    if (this.#tls === undefined) return command;
    return { ...command, env: { ...command.env, JAVA_TOOL_OPTIONS: this.#tls.serverJvm.join(" ") } };
  }

  /** storePathRootDir of the broker. */
  get storeDirectory(): string {
    return join(this.#brokerHome, "store");
  }

  #namesrvHome(index: number): string {
    return join(this.directory, `namesrv-${index}`);
  }

  get #brokerHome(): string {
    return join(this.directory, "broker");
  }

  #writeFiles(): void {
    const bindAddress = this.#options.host === undefined ? {} : { bindAddress: this.#options.host };
    for (const [index, port] of this.#namesrvPorts.entries()) {
      const home = this.#namesrvHome(index);
      mkdirSync(home, { recursive: true });
      const config = {
        listenPort: String(port),
        ...bindAddress,
        kvConfigPath: join(home, "kvConfig.json"),
        configStorePath: join(home, "namesrv.properties"),
        orderMessageEnable: "true",
        ...this.#tls?.config,
      };
      writeFileSync(join(home, "namesrv.conf"), propertiesText(config));
    }
    mkdirSync(this.#brokerHome, { recursive: true });
    writeFileSync(join(this.#brokerHome, "broker.conf"), propertiesText(this.#brokerConfig()));
    for (const [path, text] of Object.entries(this.#options.brokerFiles ?? {})) {
      mkdirSync(dirname(join(this.#brokerHome, path)), { recursive: true });
      writeFileSync(join(this.#brokerHome, path), text);
    }
  }

  #brokerConfig(): Record<string, string> {
    const bindAddress = this.#options.host === undefined ? {} : { bindAddress: this.#options.host };
    return {
      brokerClusterName: "DefaultCluster",
      brokerName: "broker-a",
      brokerId: "0",
      brokerIP1: this.host,
      listenPort: String(this.brokerPort),
      ...bindAddress,
      namesrvAddr: this.namesrvAddr,
      storePathRootDir: this.storeDirectory,
      autoCreateTopicEnable: "true",
      // the shortest period Apache allows, so that a nameserver that comes late is found soon
      registerNameServerPeriod: "10000",
      // a retry starts at level 3, which is 10 s by default: here every level a test meets is short
      messageDelayLevel: "1s 2s 1s 1s 2s 2s 3s 3s 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h",
      // checks that come soon, of transactions that are young
      transactionCheckInterval: "1000",
      transactionTimeOut: "2000",
      transactionOpBatchInterval: "100",
      // off by default, there and here
      enablePropertyFilter: "true",
      recallMessageEnable: "true",
      ...this.#tls?.config,
      ...this.#options.brokerConfig,
    };
  }

  async startNamesrv(index: number): Promise<void> {
    const home = this.#namesrvHome(index);
    const target = this.#options.namesrvTarget ?? this.#options.target;
    const child = new Child(this.#withTls(target.namesrv(join(home, "namesrv.conf"), home)), join(home, "output.log"));
    this.#namesrvs.set(index, child);
    await child.waitForOutput(namesrvReadyText, readyTimeoutMs);
  }

  async stopNamesrv(index: number): Promise<void> {
    await this.#namesrvs.get(index)?.stop();
    this.#namesrvs.delete(index);
  }

  /** The next broker is one of this target, on the same directory, with these keys besides. */
  hand(target: Target, config: Readonly<Record<string, string>> = {}): void {
    this.#target = target;
    writeFileSync(join(this.#brokerHome, "broker.conf"), propertiesText({ ...this.#brokerConfig(), ...config }));
  }

  /** On the ports behind the first one's, with a directory of its own. */
  async #startSecond(): Promise<void> {
    const home = join(this.directory, "broker-b");
    mkdirSync(home, { recursive: true });
    const file = join(home, "broker.conf");
    const own = { brokerName: "broker-b", listenPort: String(this.brokerPort + 4), storePathRootDir: join(home, "store") };
    writeFileSync(file, propertiesText({ ...this.#brokerConfig(), ...own }));
    this.#second = new Child(this.#withTls(this.#target.broker(file, home)), join(home, "output.log"));
    await this.#second.waitForOutput(brokerReadyText, readyTimeoutMs);
  }

  /** A second broker on the first one's directory, on the ports behind its: its command, to be seen to fail. */
  intruder(target: Target): Command {
    const file = join(this.#brokerHome, "intruder.conf");
    const home = join(this.directory, "intruder");
    mkdirSync(home, { recursive: true });
    writeFileSync(file, propertiesText({ ...this.#brokerConfig(), listenPort: String(this.brokerPort + 4) }));
    return target.broker(file, home);
  }

  #brokerCommand(home: string): Command {
    const { standalone } = this.#options;
    const target = this.#target;
    if (standalone !== true) return target.broker(join(home, "broker.conf"), home);
    if (target.standalone === undefined) throw new Error(`${target.name} has no server that is nameserver and broker in one`);
    return target.standalone({ host: this.host, namesrvPort: this.#namesrvPorts[0]!, brokerPort: this.brokerPort }, home);
  }

  async startBroker(): Promise<void> {
    const home = this.#brokerHome;
    this.#broker = new Child(this.#withTls(this.#brokerCommand(home)), join(home, "output.log"));
    await this.#broker.waitForOutput(brokerReadyText, readyTimeoutMs);
    if (this.#target.name === "apache") await this.#untilRegistered();
  }

  async #untilRegistered(): Promise<void> {
    const running = [...this.#namesrvs].filter(([, child]) => !child.ended).map(([index]) => index);
    if (running.length > 0 && this.#tls === undefined) await untilRegistered(this.namesrvAddrOf(running[0]!), readyTimeoutMs);
  }

  /** SIGTERM; returns the exit code, or the name of the signal when the broker did not exit by itself. */
  /** Starts what a case that failed half-way left stopped. */
  async startStopped(): Promise<void> {
    for (const [index, child] of this.#namesrvs) if (child.ended) await this.startNamesrv(index);
    if (this.#broker?.ended !== false) await this.startBroker();
  }

  async stopBroker(): Promise<number | string> {
    return (await this.#broker?.stop()) ?? "not running";
  }

  /** kill -9 */
  async killBroker(): Promise<void> {
    await this.#broker?.kill();
  }

  /**
   * Has the system write the commit log of a broker that is stopped to the disk and let go of what it holds of it in memory (of a
   * running Apache broker it would not: what is mapped stays).
   * @throws Error where dd can't (it takes GNU's, on Linux)
   */
  evictLog(): void {
    const directory = join(this.storeDirectory, "commitlog");
    for (const name of readdirSync(directory)) {
      const file = join(directory, name);
      const { status, stderr, error } = spawnSync(
        "dd",
        [`of=${file}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"],
        { encoding: "utf8" },
      );
      if (status !== 0) throw new Error(`cannot take ${file} out of the page cache by dd oflag=nocache: ${error ?? stderr}`);
    }
  }

  /** The last output of the broker, for failure messages. */
  get brokerOutput(): string {
    return this.#broker?.outputTail ?? "";
  }

  /** Ends every process. @param keepFiles leaves the directory for whoever looks into a failure */
  async close(keepFiles = false): Promise<void> {
    await this.#broker?.kill();
    await this.#second?.kill();
    for (const child of this.#namesrvs.values()) await child.kill();
    if (!keepFiles) rmSync(this.directory, { recursive: true, force: true });
  }
}
