/**
 * A real disk that is really full: a broker process on a small tmpfs, and a file beside its store that takes the room away
 * and gives it back. Needs root on Linux; elsewhere skipped, and with CI=true as root a failure.
 */
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import process from "node:process";
import { silentLog } from "../../adapters/shared/log.ts";
import { RemotingClient } from "../../core/remoting/client.ts";
import type { PeerReply } from "../../core/remoting/processor.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import type { RequestHeaderOf, RequestName } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { pullHeader } from "../broker/messages_harness.ts";
import { freePorts } from "../interop/processes.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { type OurRuntime, ourRuntimes, outputMatch, READY_MS, stopped, Workshop } from "./server_processes.ts";

const DISK_MIB = 24;
const TOPIC = "Full";
/** Left free beside the file that fills the disk: some sends still find room. */
const LEFT_BYTES = 200 * 1024;
const RESUME_MS = 10_000;
/** The guard would refuse before the disk does: now it looks once an hour, and after each MiB. */
const UNGUARDED = { cleanResourceInterval: 3_600_000, diskSpaceFreeBytesMin: 0, cleanFileForciblyEnable: "false" };

function whyNoTmpfs(): string | undefined {
  if (process.platform !== "linux") return "tmpfs is Linux's";
  if (process.getuid?.() !== 0) return "not root";
  const workshop = new Workshop();
  try {
    const disk = new TmpDisk(workshop);
    disk.unmount();
    return undefined;
  } catch (error) {
    // As root in CI it must run.
    if (process.env["CI"] === "true") throw error;
    return (error as Error).message;
  } finally {
    rmSync(workshop.directory, { recursive: true, force: true });
  }
}

class TmpDisk {
  readonly path: string;

  constructor(workshop: Workshop) {
    this.path = workshop.path("disk");
    mkdirSync(this.path);
    run("mount", "-t", "tmpfs", "-o", `size=${DISK_MIB}m`, "edgemq-test", this.path);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  /** Takes all room but `left` bytes. */
  fill(left: number): void {
    writeFileSync(`${this.path}/ballast`, new Uint8Array(this.freeBytes - left));
  }

  /** Takes what is left, down to the last page. */
  fillUp(): void {
    writeFileSync(`${this.path}/more`, new Uint8Array(this.freeBytes));
  }

  empty(): void {
    rmSync(`${this.path}/ballast`);
    rmSync(`${this.path}/more`, { force: true });
  }

  unmount(): void {
    run("umount", this.path);
  }
}

function run(program: string, ...args: string[]): void {
  const done = spawnSync(program, args, { encoding: "utf8" });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.stderr.trim()}`);
}

/** A broker process and a client of it. */
class Served {
  readonly #workshop: Workshop;
  readonly #disk: TmpDisk;
  readonly #runtime: OurRuntime;
  readonly #client: RemotingClient;
  readonly #port: number;
  /** Numbers of the sends that were answered with SUCCESS, in order. */
  readonly acknowledged: number[] = [];
  child!: ReturnType<Workshop["start"]>;
  #next = 0;

  constructor(workshop: Workshop, disk: TmpDisk, runtime: OurRuntime, client: RemotingClient, port: number) {
    this.#workshop = workshop;
    this.#disk = disk;
    this.#runtime = runtime;
    this.#client = client;
    this.#port = port;
  }

  start(more: Readonly<Record<string, string | number>> = {}): ReturnType<Workshop["start"]> {
    const settings = {
      brokerName: "full",
      brokerIP1: "127.0.0.1",
      bindAddress: "127.0.0.1",
      listenPort: this.#port,
      storePathRootDir: `${this.#disk.path}/store`,
      mappedFileSizeCommitLog: 4 * 2 ** 20,
      mappedFileSizeConsumeQueue: 20_000,
      maxHashSlotNum: 1000,
      maxIndexNum: 10_000,
      flushConsumeQueueThoroughInterval: 500,
      ...more,
    };
    const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
    this.child = this.#workshop.start(this.#runtime, "mqbroker", ["-c", this.#workshop.file("broker.conf", lines.join(""))]);
    return this.child;
  }

  async ready(): Promise<void> {
    await outputMatch(this.child, /listen\D*\d/);
    const deadline = performance.now() + READY_MS;
    for (;;) {
      try {
        await this.#invoke("GET_BROKER_RUNTIME_INFO", {});
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await pause(50);
      }
    }
  }

  async send(topic = TOPIC, bytes = 4000): Promise<PeerReply> {
    const number = this.#next++;
    const text = `${number} ${"x".repeat(bytes)}`;
    const header = {
      producerGroup: "PG",
      topic,
      defaultTopic: "TBW102",
      defaultTopicQueueNums: 1,
      queueId: 0,
      sysFlag: 0,
      bornTimestamp: Date.now(),
      flag: 0,
      properties: `UNIQ_KEY\u0001u${number}\u0002`,
    };
    const reply = await this.#invoke("SEND_MESSAGE", header, new TextEncoder().encode(text));
    if (reply.code === ResponseCode.SUCCESS && topic === TOPIC) this.acknowledged.push(number);
    return reply;
  }

  /** Numbers of all messages of the queue, as a consumer of a group reads them from its start. */
  async pulled(group = "G"): Promise<number[]> {
    const numbers: number[] = [];
    for (;;) {
      const header = pullHeader({ topic: TOPIC, consumerGroup: group, queueOffset: numbers.length });
      const { code, remark, body } = await this.#invoke("PULL_MESSAGE", header);
      if (code === ResponseCode.PULL_NOT_FOUND) return numbers;
      if (code !== ResponseCode.SUCCESS) throw new Error(`a pull was answered with ${code}: ${remark}`);
      for (const record of decodeRecords(body)) numbers.push(Number.parseInt(new TextDecoder().decode(record.body), 10));
    }
  }

  /** Sends until one is refused, and answers that one. */
  /** @param restMs between two sends: who looks at the disk from time to time gets the time to, before it is full */
  async untilRefused(restMs = 0): Promise<PeerReply> {
    for (let i = 0; i < 10_000; i++) {
      const reply = await this.send();
      if (reply.code !== ResponseCode.SUCCESS) return reply;
      if (restMs > 0) await pause(restMs);
    }
    throw new Error("no send was refused");
  }

  /** Sends until one is taken. */
  async untilTaken(): Promise<void> {
    const deadline = performance.now() + RESUME_MS;
    for (;;) {
      const { code, remark } = await this.send();
      if (code === ResponseCode.SUCCESS) return;
      if (performance.now() > deadline) throw new Error(`still refused ${RESUME_MS} ms after there was room: ${code} ${remark}`);
      await pause(50);
    }
  }

  #invoke<N extends RequestName>(name: N, header: RequestHeaderOf<N>, body?: Uint8Array): Promise<PeerReply> {
    return this.#client.invoke(`127.0.0.1:${this.#port}`, name, header, body, 10_000);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const why = whyNoTmpfs();
const title = (name: string): string => (why === undefined ? name : `${name} (${why})`);
const testOnTmpfs = why === undefined ? test : test.skip;

async function withBroker(runtime: OurRuntime, body: (served: Served, disk: TmpDisk) => Promise<void>): Promise<void> {
  const workshop = new Workshop();
  const disk = new TmpDisk(workshop);
  const client = new RemotingClient({ runtime: await hostRuntime(), log: silentLog, connectTimeoutMs: 5000 });
  try {
    await body(new Served(workshop, disk, runtime, client, (await freePorts(3)) + 2), disk);
  } finally {
    client.stop();
    await workshop.endProcesses();
    disk.unmount();
    await workshop.close();
  }
}

describe("a full tmpfs", () => {
  for (const runtime of ourRuntimes) {
    testOnTmpfs(
      title(`ENOSPC on ${runtime}: a clear answer, reads go on, sends resume by themselves, nothing acknowledged is lost`),
      () =>
        withBroker(runtime, async (served, disk) => {
          served.start(UNGUARDED);
          await served.ready();
          for (let i = 0; i < 20; i++) expect((await served.send()).code).toBe(ResponseCode.SUCCESS);
          disk.fill(LEFT_BYTES);
          const refused = await served.untilRefused();
          expect(refused.code).toBe(ResponseCode.SERVICE_NOT_AVAILABLE);
          expect(refused.remark).toMatch(/ENOSPC.*storePathCommitLog is full/);
          expect(served.acknowledged.length).toBeGreaterThan(20);
          expect(await served.pulled()).toEqual(served.acknowledged);
          // Not only the first: each is told, and the process lives. What needs a file of configuration is refused as well.
          for (let i = 0; i < 5; i++) {
            const again = await served.send();
            if (again.code !== ResponseCode.SUCCESS) expect(again.remark).toContain("storePathCommitLog is full");
          }
          expect((await served.send("Another", 100_000)).code).not.toBe(ResponseCode.SUCCESS);
          expect(await served.pulled()).toEqual(served.acknowledged);
          await pause(1500);

          disk.empty();
          await served.untilTaken();
          for (let i = 0; i < 100; i++) expect((await served.send()).code).toBe(ResponseCode.SUCCESS);
          expect(await served.pulled()).toEqual(served.acknowledged);

          process.kill(served.child.pid, "SIGKILL");
          await served.child.exited;
          served.start(UNGUARDED);
          await served.ready();
          expect(await served.pulled()).toEqual(served.acknowledged);

          // Killed and started again while the disk is full: who reads is served, who sends is told.
          disk.fill(LEFT_BYTES);
          await served.untilRefused();
          disk.fillUp();
          process.kill(served.child.pid, "SIGKILL");
          await served.child.exited;
          served.start(UNGUARDED);
          await served.ready();
          expect(await served.pulled()).toEqual(served.acknowledged);
          expect((await served.untilRefused()).remark).toContain("full");
          expect(await served.pulled("Another")).toEqual(served.acknowledged);

          // Stopped while it is full.
          expect(await stopped(served.child)).toBe(0);
          disk.empty();
          served.start(UNGUARDED);
          await served.ready();
          expect(await served.pulled()).toEqual(served.acknowledged);
          await served.untilTaken();
          expect(await stopped(served.child)).toBe(0);
        }),
      120_000,
    );
  }

  testOnTmpfs(
    title("the guard: refused by percentage and by free bytes before the disk is full, and taken again when there is room"),
    () =>
      withBroker("bun", async (served, disk) => {
        served.start({ cleanResourceInterval: 100, diskSpaceFreeBytesMin: 0, cleanFileForciblyEnable: "false" });
        await served.ready();
        await served.untilTaken();
        disk.fill(disk.freeBytes / 20);
        const byPercentage = await served.untilRefused(20);
        expect(byPercentage.code).toBe(ResponseCode.SERVICE_NOT_AVAILABLE);
        expect(byPercentage.remark).toMatch(/storePathCommitLog is \d+ % full and diskSpaceWarningLevelRatio is 90/);
        expect(disk.freeBytes).toBeGreaterThan(0);
        disk.empty();
        await served.untilTaken();
        expect(await stopped(served.child)).toBe(0);

        served.start({ cleanResourceInterval: 100, diskSpaceFreeBytesMin: 16 * 2 ** 20, cleanFileForciblyEnable: "false" });
        await served.ready();
        await served.untilTaken();
        disk.fill(12 * 2 ** 20);
        const byBytes = await served.untilRefused(20);
        expect(byBytes.remark).toMatch(/bytes free and diskSpaceFreeBytesMin is 16777216/);
        disk.empty();
        await served.untilTaken();
        expect(await served.pulled()).toEqual(served.acknowledged);
        expect(await stopped(served.child)).toBe(0);
      }),
    60_000,
  );
});
