import { describe, expect, test } from "bun:test";
import { type SimRuntime, type SimWorld, simWorld } from "../../adapters/sim/sim.ts";
import { RemotingClient } from "../../core/remoting/client.ts";
import type { ProcessorMap } from "../../core/remoting/processor.ts";
import { RemotingServer } from "../../core/remoting/server.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import { logInto, registerBody, rejection, type TestServer, testServer } from "./support.ts";

const PORT = 9876;
const TIMEOUT_MS = 3_000;

/** A nameserver on a machine of its own. */
async function nameServer(world: SimWorld, host: string, settings = {}): Promise<TestServer & { address: string }> {
  const t = testServer(settings, world.process({ addresses: [host] }), { listen: [{ host, port: PORT }] });
  await t.server.start();
  return { ...t, address: `${host}:${PORT}` };
}

function brokerHeader(brokerAddr: string, brokerId = 0): RequestHeaderOf<"REGISTER_BROKER"> {
  return {
    clusterName: "DefaultCluster",
    brokerName: "broker-a",
    brokerAddr,
    brokerId,
    haServerAddr: brokerAddr.replace("10911", "10912"),
    enableActingMaster: true,
    bodyCrc32: 0,
  };
}

const bytes = (text: string) => new TextEncoder().encode(text);

const register = (client: RemotingClient, nameServerAddress: string, header = brokerHeader("10.0.2.1:10911")) =>
  client.invoke(nameServerAddress, "REGISTER_BROKER", header, bytes(registerBody()), TIMEOUT_MS);

const clientOf = (runtime: SimRuntime) => new RemotingClient({ runtime, log: logInto([]) });

const known = async (t: TestServer) => (await t.call("GET_BROKER_CLUSTER_INFO")).text.includes('"broker-a"');

describe("several nameservers", () => {
  test("know nothing of each other: a broker is known where it registered, and lost where its connection closed", async () => {
    const world = simWorld();
    const [a, b] = [await nameServer(world, "10.0.1.1"), await nameServer(world, "10.0.1.2")];
    const broker = clientOf(world.process({ addresses: ["10.0.2.1"] }));
    expect((await register(broker, a.address)).code).toBe(0);
    expect([await known(a), await known(b)]).toEqual([true, false]);
    expect((await register(broker, b.address)).code).toBe(0);
    expect([await known(a), await known(b)]).toEqual([true, true]);
    broker.stop();
    await world.clock.advance(1_000);
    expect([await known(a), await known(b)]).toEqual([false, false]);
    await Promise.all([a.server.stop(), b.server.stop()]);
  });

  test("one that was down learns of the broker at its next registration", async () => {
    const world = simWorld();
    const a = await nameServer(world, "10.0.1.1");
    const machine = world.process({ addresses: ["10.0.1.2"] });
    const broker = clientOf(world.process({ addresses: ["10.0.2.1"] }));
    expect((await register(broker, a.address)).code).toBe(0);
    expect(await rejection(register(broker, `10.0.1.2:${PORT}`))).toContain(`Cannot connect to 10.0.1.2 port ${PORT}`);
    const late = testServer({}, machine, { listen: [{ host: "10.0.1.2", port: PORT }] });
    await late.server.start();
    expect((await register(broker, `10.0.1.2:${PORT}`)).code).toBe(0);
    expect([await known(a), await known(late)]).toEqual([true, true]);
    broker.stop();
    await Promise.all([a.server.stop(), late.server.stop()]);
  });

  test("a broker whose machine loses power is taken out by silence", async () => {
    const world = simWorld();
    const a = await nameServer(world, "10.0.1.1");
    const machine = world.process({ addresses: ["10.0.2.1"] });
    await register(clientOf(machine), a.address);
    machine.crash("power");
    await world.clock.advance(100_000);
    expect(await known(a)).toBe(true);
    await world.clock.advance(30_000);
    expect(await known(a)).toBe(false);
    await a.server.stop();
  });

  test("a nameserver that restarts has its KV configuration, and no brokers until they register", async () => {
    const world = simWorld();
    const a = await nameServer(world, "10.0.1.1");
    const broker = clientOf(world.process({ addresses: ["10.0.2.1"] }));
    await register(broker, a.address);
    await a.call("PUT_KV_CONFIG", { namespace: "ORDER_TOPIC_CONFIG", key: "T1", value: "broker-a:4" });
    const again = testServer({}, a.sim.crash("kill"), { listen: [{ host: "10.0.1.1", port: PORT }] });
    await again.server.start();
    expect(await known(again)).toBe(false);
    await world.clock.settle();
    const reply = await register(broker, a.address);
    expect(new TextDecoder().decode(reply.body)).toBe('{"table":{"T1":"broker-a:4"}}');
    expect(await known(again)).toBe(true);
    broker.stop();
    await again.server.stop();
  });
});

test("NOTIFY_MIN_BROKER_ID_CHANGE reaches the slaves that are left, on their own ports", async () => {
  const world = simWorld();
  const a = await nameServer(world, "10.0.1.1", { notifyMinBrokerIdChanged: true });
  const slaveMachine = world.process({ addresses: ["10.0.2.2"] });
  const told: RequestHeaderOf<"NOTIFY_MIN_BROKER_ID_CHANGE">[] = [];
  const processors = {
    NOTIFY_MIN_BROKER_ID_CHANGE(_context: unknown, { header }: { header: (typeof told)[number] }) {
      told.push(header);
      return {};
    },
  } as unknown as ProcessorMap<"broker">;
  const slavePort = new RemotingServer({
    runtime: slaveMachine,
    log: logInto([]),
    role: "broker",
    processors,
    listen: [{ host: "10.0.2.2", port: 10911 }],
  });
  await slavePort.start();
  const master = clientOf(world.process({ addresses: ["10.0.2.1"] }));
  const slave = clientOf(slaveMachine);
  await register(master, a.address, brokerHeader("10.0.2.1:10911", 0));
  await register(slave, a.address, brokerHeader("10.0.2.2:10911", 1));
  master.stop();
  await world.clock.advance(1_000);
  expect(told).toHaveLength(1);
  expect(told[0]).toMatchObject({ minBrokerId: 1, minBrokerAddr: "10.0.2.2:10911", offlineBrokerAddr: "10.0.2.1:10911" });
  slave.stop();
  await Promise.all([a.server.stop(), slavePort.stop()]);
});

describe("frames captured between Apache's client and nameserver", () => {
  const prefix = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const frame = (hex: string, text: string) => Uint8Array.from([...prefix(hex), ...bytes(text)]);

  const REGISTER =
    '{"code":103,"extFields":{"brokerId":"0","bodyCrc32":"1610456808","clusterName":"DefaultCluster","brokerAddr":"127.0.0.1:20911","enableActingMaster":"false","haServerAddr":"192.0.2.2:20912","compressed":"false","brokerName":"broker-a"},"flag":0,"language":"JAVA","opaque":5,"serializeTypeCurrentRPC":"JSON","version":513}' +
    '{"filterServerList":[],"topicConfigSerializeWrapper":{"dataVersion":{"counter":1,"stateVersion":0,"timestamp":1795225249658},"mappingDataVersion":{"counter":0,"stateVersion":0,"timestamp":1795225249675},"topicConfigTable":{"T1":{"attributes":{},"order":false,"perm":6,"readQueueNums":2,"topicFilterType":"SINGLE_TAG","topicName":"T1","topicSysFlag":0,"writeQueueNums":2}},"topicQueueMappingDetailMap":{},"topicQueueMappingInfoMap":{}}}';
  const ROUTE =
    '{"code":105,"extFields":{"topic":"T1"},"flag":0,"language":"JAVA","opaque":23,"serializeTypeCurrentRPC":"JSON","version":513}';
  const ROUTE_REPLY =
    '{"code":0,"flag":1,"language":"JAVA","opaque":23,"serializeTypeCurrentRPC":"JSON","version":513}' +
    '{"brokerDatas":[{"brokerAddrs":{"0":"127.0.0.1:20911"},"brokerName":"broker-a","cluster":"DefaultCluster","enableActingMaster":false}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":2,"topicSysFlag":0,"writeQueueNums":2}]}';
  const REGISTER_REPLY =
    '{"code":0,"extFields":{},"flag":1,"language":"JAVA","opaque":5,"serializeTypeCurrentRPC":"JSON","version":513}';

  test("are answered with the same bytes, but for the language", async () => {
    const world = simWorld();
    const a = await nameServer(world, "10.0.1.1");
    const machine = world.process({ addresses: ["10.0.2.1"] });
    const broker = clientOf(machine);
    // The captured registration carries one topic, so the broker has to be known before.
    const header = { ...brokerHeader("127.0.0.1:20911"), enableActingMaster: false };
    await broker.invoke(a.address, "REGISTER_BROKER", header, bytes(registerBody({ topics: ["A", "B"] })), TIMEOUT_MS);

    let received = "";
    const socket = await machine.net.connect(
      { host: "10.0.1.1", port: PORT, timeoutMs: TIMEOUT_MS },
      {
        data(chunk) {
          received += new TextDecoder().decode(chunk);
        },
        closed() {},
      },
    );
    socket.write(frame("000002f700000140", REGISTER));
    await world.clock.settle();
    socket.write(frame("000000810000007d", ROUTE));
    await world.clock.settle();
    const plain = received.replace(/"language":"\w+"/g, '"language":"JAVA"');
    const at = plain.indexOf(REGISTER_REPLY);
    expect(at).toBe(8);
    expect(plain.slice(8 + REGISTER_REPLY.length + 8)).toBe(ROUTE_REPLY);
    socket.destroy();
    broker.stop();
    await a.server.stop();
  });
});
