/** mqadmin and the doctor against servers that speak TLS alone: JAVA_OPT says how, as for Apache's tools. */
import { expect, test } from "bun:test";
import { memoryRuntime } from "../../adapters/sim/memory.ts";
import { toolsTls } from "../../cli/tools_tls.ts";
import { NameServer, namesrvOptions, type Runtime, settingsWith, silentLog } from "../../mod.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { mqadmin } from "./mqadmin_harness.ts";

const NO_FILE = "-Dtls.config.file=/nowhere/tls.properties";

test("mqadmin over TLS: test mode, a certificate that is looked at, one that is another's, and none", async () => {
  const host = await hostRuntime();
  const runtime: Runtime = { ...memoryRuntime(host), net: host.net, dns: host.dns, tls: host.tls! };
  const identityOf = (name: string) => host.tls!.selfSigned(name, host.clock.now());
  const [server, stranger] = await Promise.all([identityOf("server"), identityOf("stranger")]);
  const file = (path: string, text: string) => runtime.files.write(path, new TextEncoder().encode(text));
  file("/server.pem", server.certificate);
  file("/server.key", server.key);
  file("/stranger.pem", stranger.certificate);
  file("/tls.properties", "tls.client.trustCertPath=/stranger.pem\n");
  const input = {
    kvConfigPath: "/kv.json",
    configStorePath: "/namesrv.properties",
    "tls.server.mode": "enforcing",
    "tls.test.mode.enable": false,
    "tls.server.certPath": "/server.pem",
    "tls.server.keyPath": "/server.key",
  } as const;
  const settings = settingsWith(namesrvOptions, input, runtime.system);
  const nameServer = new NameServer({ runtime, log: silentLog, settings, listen: [{ host: "127.0.0.1", port: 0 }] });
  const [endpoint] = await nameServer.start();
  const address = `127.0.0.1:${endpoint?.port}`;
  const asked = (javaOpt: string) =>
    mqadmin(["getNamesrvConfig", "-n", address, "--json"], { runtime, environment: { JAVA_OPT: javaOpt } });
  try {
    const verified = "-Xmx1g -Dtls.enable=true -Dtls.test.mode.enable=false -Dtls.client.authServer=true";
    const [testMode, looked, another, plain] = await Promise.all([
      asked(`-Dtls.enable=true ${NO_FILE}`),
      asked(`${verified} ${NO_FILE} "-Dtls.client.trustCertPath=/server.pem"`),
      // The file wins over the system property.
      asked(`${verified} -Dtls.config.file=/tls.properties -Dtls.client.trustCertPath=/server.pem`),
      asked(NO_FILE),
    ]);
    for (const served of [testMode, looked]) {
      expect([served.code, served.err]).toEqual([0, ""]);
      expect(served.out).toInclude("/kv.json");
    }
    for (const refused of [another, plain]) {
      expect(refused.code).not.toBe(0);
      expect(refused.err).toInclude(String(endpoint?.port));
    }
  } finally {
    await nameServer.stop();
  }
});

test("what can't be used is named by its key", async () => {
  const runtime = await hostRuntime();
  const javaOpt = `-Dtls.enable=true -Dtls.test.mode.enable=false -Dtls.client.certPath=/nowhere/a.pem -Dtls.client.keyPath=/nowhere/a.key ${NO_FILE}`;
  expect(() => toolsTls(runtime, javaOpt)).toThrow("tls.client.certPath=/nowhere/a.pem");
  expect(() => toolsTls(runtime, "-Dtls.enable=perhaps")).toThrow("tls.enable");
  for (const off of [undefined, "", "-Xmx1g", "-Dtls.enable=false"]) expect(toolsTls(runtime, off)).toBe(undefined);
});
