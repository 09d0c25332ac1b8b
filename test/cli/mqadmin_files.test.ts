/** Files that mqadmin can't read or write: one sentence with what was tried, on what, why, and what mends it; never a stack. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../../adapters/shared/fault.ts";
import { toolsTls } from "../../cli/tools_tls.ts";
import { Producer } from "../../core/client/mod.ts";
import type { Files, Runtime } from "../../core/runtime.ts";
import { type RocketMQ, startRocketMQ } from "../../mod.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { mqadmin, type Ran } from "./mqadmin_harness.ts";

const FAILED = 2;

let rocketmq: RocketMQ;
let n: string;
let directory: string;
/** Where a directory would have to be: no user can write below it, root neither. */
let file: string;
beforeAll(async () => {
  rocketmq = await startRocketMQ({ listen: true });
  n = rocketmq.namesrvAddr as string;
  directory = mkdtempSync(join(tmpdir(), "edgemq-cli-"));
  file = join(directory, "file");
  writeFileSync(file, "");
});
afterAll(async () => {
  await rocketmq.close();
  rmSync(directory, { recursive: true });
});

/** This process's runtime, but for files: all that a command asks of them is refused. */
async function refusing(code: string): Promise<Runtime> {
  const refuse = (tried: string) => (path: string) => {
    throw new Fault(code, `Cannot ${tried} "${path}": ${code}: not for you`);
  };
  const files = { read: refuse("read"), write: refuse("write"), makeDirectory: refuse("make the directory") };
  return { ...(await hostRuntime()), files: files as unknown as Files };
}

function expectSentence({ code, err }: Ran, ...parts: readonly string[]): void {
  expect(code).toBe(FAILED);
  for (const part of parts) expect(err).toContain(part);
  expect(err.trimEnd().split("\n").length).toBe(1);
}

describe("a directory that can't be written", () => {
  test.each(["exportMetadata", "exportConfigs", "exportMetrics"])("%s", async (command) => {
    const words = [command, "-n", n, "-c", "DefaultCluster", "-f"];
    expectSentence(await mqadmin([...words, file]), `"${file}"`, "EEXIST", "Name a directory that this user may write with -f");
    const below = join(file, "sub");
    expectSentence(await mqadmin([...words, below]), `"${below}"`, "ENOTDIR");
    expectSentence(await mqadmin([...words, "/x"], { runtime: await refusing("EACCES") }), '"/x"', "EACCES");
  });

  test("queryMsgById, whose directory of bodies is one for all users", async () => {
    const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
    const { msgId } = await producer.send({ topic: "T", body: "x" });
    const ran = await mqadmin(["queryMsgById", "-n", n, "-t", "T", "-i", msgId], { runtime: await refusing("EACCES") });
    expectSentence(ran, '"/tmp/rocketmq/msgbodys"', "EACCES", "let this user write in /tmp/rocketmq/msgbodys");
  });

  test("updateStaticTopic, which changes nothing then", async () => {
    const words = ["updateStaticTopic", "-n", n, "-t", "Static", "-qn", "2", "-c", "DefaultCluster"];
    const ran = await mqadmin(words, { environment: { TMPDIR: file } });
    expectSentence(ran, `"${file}"`, "EEXIST", "set TMPDIR to a directory that this user may write");
    expect((await mqadmin(["topicRoute", "-n", n, "-t", "Static"])).code).toBe(FAILED);
  });
});

describe("a file that can't be read", () => {
  test("of topics or groups", async () => {
    for (const command of ["updateTopicList", "updateSubGroupList"]) {
      const ran = await mqadmin([command, "-n", n, "-c", "DefaultCluster", "-f", directory]);
      expectSentence(ran, `"${directory}"`, "EISDIR", "Name a file that this user may read");
    }
  });

  test("of the account that mqadmin signs with", async () => {
    mkdirSync(join(directory, "conf", "tools.yml"), { recursive: true });
    const words = ["getNamesrvConfig", "-n", n];
    const environment = { ROCKETMQ_HOME: directory };
    const path = join(directory, "conf/tools.yml");
    expectSentence(await mqadmin(words, { environment }), `"${path}"`, "EISDIR", "unset ROCKETMQ_HOME");
    expectSentence(await mqadmin(words, { environment, runtime: await refusing("EACCES") }), `"${path}"`, "EACCES");
  });

  test("of certificates and settings of TLS", async () => {
    const words = ["getNamesrvConfig", "-n", n];
    const secure = "-Dtls.enable=true -Dtls.test.mode.enable=false -Dtls.client.authServer=true";
    const ca = `${secure} -Dtls.config.file=/nowhere -Dtls.client.trustCertPath=${directory}`;
    expectSentence(
      await mqadmin(words, { environment: { JAVA_OPT: ca } }),
      `tls.client.trustCertPath=${directory} can't be used`,
      "EISDIR",
      "Let this user read it",
    );
    const settings = `${secure} -Dtls.config.file=${directory}`;
    expectSentence(
      await mqadmin(words, { environment: { JAVA_OPT: settings } }),
      `tls.config.file=${directory} can't be used`,
      "EISDIR",
    );
    writeFileSync(join(directory, "tls.properties"), "tls.client.certPath=\\uXYZW\n");
    const runtime = await hostRuntime();
    const broken = `-Dtls.enable=true -Dtls.config.file=${join(directory, "tls.properties")}`;
    expect(() => toolsTls(runtime, broken)).toThrow(`tls.config.file=${join(directory, "tls.properties")} can't be used`);
  });
});
