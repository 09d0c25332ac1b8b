/** Broker and nameserver with access control, over the simulator's network. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simWorld } from "../../adapters/sim/sim.ts";
import { signerOf } from "../../core/auth/credentials.ts";
import { Broker } from "../../core/broker/broker.ts";
import { type BrokerSettingsInput, brokerOptions } from "../../core/broker/options.ts";
import { settingsWith } from "../../core/config.ts";
import { NameServer } from "../../core/namesrv/namesrv.ts";
import { namesrvOptions } from "../../core/namesrv/options.ts";
import { RemotingClient } from "../../core/remoting/client.ts";
import { userInfo, userInfos } from "../../wire/bodies/auth.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { RecordingLog } from "../broker/management_harness.ts";

const ROOT = { accessKey: "root", secretKey: "the-secret-of-root" };
const json = JSON.stringify;

/** A nameserver and a broker that ask for signatures, each in a process of its own. */
async function cluster(more: BrokerSettingsInput = {}) {
  const world = simWorld({ seed: 7 });
  const log = new RecordingLog();
  const processes: SimRuntime[] = [world.process(), world.process(), world.process()];
  const [here, there, outside] = processes as [SimRuntime, SimRuntime, SimRuntime];
  const auth = {
    authenticationEnabled: true,
    authorizationEnabled: true,
    initAuthenticationUser: json({ username: ROOT.accessKey, password: ROOT.secretKey }),
    innerClientAuthenticationCredentials: json(ROOT),
  };
  const namesrv = new NameServer({
    runtime: here,
    log,
    settings: settingsWith(namesrvOptions, { kvConfigPath: "/ns/kv.json", ...auth }, here.system),
    listen: [{ host: "127.0.0.1", port: 0 }],
  });
  const [nameAddress] = await namesrv.start();
  const namesrvAddr = `127.0.0.1:${nameAddress?.port}`;
  const settings: BrokerSettingsInput = {
    brokerName: "broker-a",
    storePathRootDir: "/store",
    brokerIP1: "127.0.0.1",
    listenPort: 0,
    bindAddress: "127.0.0.1",
    namesrvAddr,
    ...auth,
    ...more,
  };
  const broker = new Broker({ runtime: there, log, settings: settingsWith(brokerOptions, settings, there.system) });
  const starting = broker.start();
  await world.clock.advance(100);
  const { listening } = await starting;
  const address = `127.0.0.1:${listening[0]?.port}`;
  const clientOf = (credentials: typeof ROOT | undefined): RemotingClient =>
    new RemotingClient({
      runtime: outside,
      log,
      sign: signerOf(outside.digest, { innerClientAuthenticationCredentials: credentials && json(credentials) }),
    });
  const stop = async (): Promise<void> => {
    const stopping = Promise.all([broker.stop(), namesrv.stop()]);
    await world.clock.advance(5_000);
    await stopping;
  };
  return { world, log, namesrv, namesrvAddr, broker, address, clientOf, stop };
}

describe("a signed cluster", () => {
  test("the broker registers, root may, strangers may not, on broker and nameserver", async () => {
    const { broker, namesrvAddr, address, clientOf, stop, world } = await cluster();
    expect(broker.describe().nameServers).toEqual([{ address: namesrvAddr, failure: undefined }]);
    const code = async (at: string, name: "GET_BROKER_CONFIG" | "GET_BROKER_CLUSTER_INFO", who: typeof ROOT | undefined) => {
      const asking = clientOf(who).invoke(at, name, {}, undefined, 3_000);
      await world.clock.advance(10);
      return (await asking).code;
    };
    for (const [at, name] of [[address, "GET_BROKER_CONFIG"] as const, [namesrvAddr, "GET_BROKER_CLUSTER_INFO"] as const]) {
      expect(await code(at, name, ROOT)).toBe(0);
      expect(await code(at, name, undefined)).toBe(16);
      expect(await code(at, name, { ...ROOT, secretKey: "wrong" })).toBe(16);
    }
    await stop();
  });

  test("no configuration is changed without the right to, with or without a user", async () => {
    const { address, clientOf, stop, world, broker } = await cluster();
    const ask = async (
      who: typeof ROOT | undefined,
      name: "UPDATE_BROKER_CONFIG" | "AUTH_CREATE_USER",
      header: object,
      body: Uint8Array,
    ) => {
      const asking = clientOf(who).invoke(address, name, header, body, 3_000);
      await world.clock.advance(10);
      return (await asking).code;
    };
    const joe = { accessKey: "joe", secretKey: "the-secret-of-joe" };
    const info = userInfo.encode({ username: "", password: joe.secretKey, userType: "Normal" });
    const change = encodeUtf8("fileReservedTime=1\n");
    expect(await ask(undefined, "AUTH_CREATE_USER", { username: "joe" }, info)).toBe(16);
    expect(await ask(ROOT, "AUTH_CREATE_USER", { username: "joe" }, info)).toBe(0);
    for (const who of [undefined, joe]) expect(await ask(who, "UPDATE_BROKER_CONFIG", {}, change)).toBe(16);
    expect(broker.settings.fileReservedTime).toBe(72);
    expect(await ask(ROOT, "UPDATE_BROKER_CONFIG", {}, change)).toBe(0);
    expect(broker.settings.fileReservedTime).toBe(1);
    await stop();
  });

  test("no secret in a log line, nor in the printed configuration", async () => {
    const { address, clientOf, stop, world, log } = await cluster();
    const names = ["GET_BROKER_CONFIG", "AUTH_LIST_USER"] as const;
    const bodies: string[] = [];
    for (const name of names) {
      for (const who of [ROOT, { ...ROOT, secretKey: "wrong-secret-of-root" }, undefined]) {
        const asking = clientOf(who).invoke(address, name, {}, undefined, 3_000);
        await world.clock.advance(10);
        const { body, code } = await asking;
        if (code === 0 && name === "GET_BROKER_CONFIG") bodies.push(new TextDecoder().decode(body));
        if (code === 0 && name === "AUTH_LIST_USER")
          expect(userInfos.decode(body).map((user) => user.username)).toEqual(["root"]);
      }
    }
    await stop();
    expect(bodies).toHaveLength(1);
    expect(bodies[0]).toContain("authenticationEnabled=true");
    expect(log.lines.some(({ message }) => message === "a request was refused")).toBe(true);
    expect(bodies.join() + json(log.lines)).not.toContain("secret-of-root");
  });
});

test("a broker with ACL 1.0: its files decide, until they change", async () => {
  const world = simWorld({ seed: 9 });
  const log = new RecordingLog();
  const runtime = world.process();
  const file = (admin: boolean): Uint8Array =>
    encodeUtf8(`accounts:\n  - {accessKey: root-key, secretKey: ${ROOT.secretKey}, admin: ${admin}}\n`);
  runtime.files.makeDirectory("/home/conf");
  runtime.files.write("/home/conf/plain_acl.yml", file(true));
  const input: BrokerSettingsInput = {
    brokerName: "broker-a",
    storePathRootDir: "/store",
    brokerIP1: "127.0.0.1",
    listenPort: 0,
    bindAddress: "127.0.0.1",
    aclEnable: true,
    rocketmqHome: "/home",
  };
  const settings = settingsWith(brokerOptions, input, runtime.system);
  const broker = new Broker({ runtime, log, settings });
  const starting = broker.start();
  await world.clock.advance(100);
  const address = `127.0.0.1:${(await starting).listening[0]?.port}`;
  const outside = world.process();
  const ask = async (secretKey: string): Promise<string> => {
    const sign = signerOf(outside.digest, { innerClientAuthenticationCredentials: json({ accessKey: "root-key", secretKey }) });
    const client = new RemotingClient({ runtime: outside, log, sign });
    const asking = client.invoke(address, "UPDATE_BROKER_CONFIG", {}, encodeUtf8("fileReservedTime=9\n"), 3_000);
    await world.clock.advance(10);
    const { code, remark } = await asking;
    return `${code} ${remark ?? ""}`.trim();
  };
  const exception = "1 org.apache.rocketmq.acl.common.AclException:";
  expect(await ask("another-secret")).toBe(`${exception} Check signature failed`);
  expect(broker.settings.fileReservedTime).toBe(72);
  expect(await ask(ROOT.secretKey)).toMatch(/^0/);
  expect(broker.settings.fileReservedTime).toBe(9);
  runtime.files.write("/home/conf/plain_acl.yml", file(false));
  await world.clock.advance(5_000);
  expect(await ask(ROOT.secretKey)).toBe(`${exception} Need admin permission for request code=25, but accessKey=root-key is not`);
  expect(json(log.lines)).not.toContain(ROOT.secretKey);
  const stopping = broker.stop();
  await world.clock.advance(5_000);
  await stopping;
  const both = { ...settings, authenticationEnabled: true };
  expect(() => new Broker({ runtime: world.process(), log, settings: both })).toThrow("exclude each other");
});
