import { describe, expect, test } from "bun:test";
import { Prng } from "../../adapters/sim/prng.ts";
import { SimClock, SimTime } from "../../adapters/sim/time.ts";
import { BROKERS_MAX, type Registration } from "../../core/routing/registration.ts";
import { RouteInfoManager } from "../../core/routing/route_info_manager.ts";
import type { ExtFields } from "../../wire/remoting_command.ts";
import { REQUESTS, type RequestRow, type ServedBy } from "../../wire/requests.ts";
import { logInto, register, registerBody, route, testServer } from "./support.ts";

const SEEDS = 40;
const SERVED = (Object.entries(REQUESTS) as [ServedBy<"namesrv">, RequestRow][]).filter(([, { servedBy }]) =>
  servedBy.includes("namesrv"),
);

/** Fields of the request's own header, mostly with values that mean something, some missing, some odd. */
function oddFields(prng: Prng, row: RequestRow): ExtFields {
  const odd = [
    "",
    " ",
    "\u0000",
    "../../etc/passwd",
    "-1",
    "99999999999999999999",
    "NaN",
    "true",
    "__proto__",
    "x".repeat(5_000),
    "中",
  ];
  const sound = ["C", "b1", "1.1.1.1:10911", "0", "1", "T1"];
  const fields: ExtFields = {};
  for (const name of Object.keys(row.request.fields)) {
    if (prng.chance(0.1)) continue;
    const values = prng.chance(0.5) ? odd : sound;
    fields[name] = values[prng.below(values.length)];
  }
  if (prng.chance(0.2)) fields["__ZONE_NAME"] = odd[prng.below(odd.length)];
  if (prng.chance(0.2)) fields["__ZONE_MODE"] = "true";
  return fields;
}

/** A sound registration with some bytes changed, cut or repeated; or bytes of no kind. */
function oddBody(prng: Prng): Uint8Array {
  if (prng.chance(0.2)) return prng.bytes(prng.below(200));
  const body = new TextEncoder().encode(registerBody());
  for (let changes = prng.below(4); changes > 0; changes--) body[prng.below(body.length)] = prng.below(256);
  return prng.chance(0.3) ? body.subarray(0, prng.below(body.length)) : body;
}

describe("whatever is sent", () => {
  test.each(SERVED.map(([name]) => name))("to %s is answered, and everybody else goes on", async (name) => {
    const row = REQUESTS[name];
    for (let seed = 1; seed <= SEEDS; seed++) {
      const prng = new Prng(seed, row.code);
      const t = testServer({ supportActingMaster: true, orderMessageEnable: true });
      await register(t, "healthy", "10.1.1.1:10911", { cluster: "Healthy", topics: ["H1", "H2"] });
      for (let i = 0; i < 5; i++) {
        const answer = await t.call(name, oddFields(prng, row), { body: oddBody(prng), version: prng.below(700) });
        if (answer.code !== 0) expect(`seed ${seed}: ${answer.remark}`.length).toBeGreaterThan(12);
      }
      await t.sim.clock.settle();
      expect((await route(t, "H1")).code).toBe(0);
      expect((await t.call("GET_BROKER_CLUSTER_INFO")).text).toContain('"Healthy":["healthy"]');
    }
  });
});

test("brokers beyond the maximum are refused, those that are known go on", () => {
  const clock = new SimClock(new SimTime(0));
  const settings = { supportActingMaster: false, deleteTopicWithBrokerRegistration: false, notifyMinBrokerIdChanged: false };
  const routes = new RouteInfoManager({ clock, log: logInto([]), settings });
  const channel = {};
  const registration = (i: number): Registration => ({
    clusterName: "C",
    brokerName: `b${i}`,
    brokerAddr: `10.0.0.1:${i}`,
    brokerId: 0,
    haServerAddr: "",
    zoneName: undefined,
    heartbeatTimeoutMs: undefined,
    enableActingMaster: undefined,
    dataVersion: { stateVersion: 0, timestamp: 0, counter: 0 },
    topics: [],
    mappingInfos: [],
    filterServers: undefined,
    channel,
  });
  for (let i = 0; i < BROKERS_MAX; i++) routes.register(registration(i));
  expect(routes.register(registration(BROKERS_MAX)).status).toBe("full");
  expect(routes.register(registration(7)).status).toBe("registered");
  routes.unregister([registration(8)]);
  expect(routes.register(registration(BROKERS_MAX)).status).toBe("registered");
});
