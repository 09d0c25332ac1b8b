import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { rejection, testServer } from "./support.ts";

const SUCCESS = 0;
const SYSTEM_ERROR = 1;
const QUERY_NOT_FOUND = 22;
const PATH = "/home/namesrv/kvConfig.json";

const file = (sim: SimRuntime, path = PATH) => {
  const bytes = sim.files.read(path);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
};
const put = (t: ReturnType<typeof testServer>, namespace: string, key: string, value: string) =>
  t.call("PUT_KV_CONFIG", { namespace, key, value });

describe("KV configuration", () => {
  test("what is missing is answered in Apache's words", async () => {
    const t = testServer();
    expect(await t.call("GET_KV_CONFIG", { namespace: "N", key: "K" })).toMatchObject({
      code: QUERY_NOT_FOUND,
      remark: "No config item, Namespace: N Key: K",
    });
    expect(await t.call("GET_KVLIST_BY_NAMESPACE", { namespace: "N" })).toMatchObject({
      code: QUERY_NOT_FOUND,
      remark: "No config item, Namespace: N",
    });
    expect((await t.call("DELETE_KV_CONFIG", { namespace: "XX", key: "b" })).code).toBe(SUCCESS);
  });

  test("is put, got, listed and deleted, and the file is Apache's byte by byte", async () => {
    const t = testServer();
    await put(t, "ORDER_TOPIC_CONFIG", "T1", "broker-a:4;b中<>/\"'");
    await put(t, "N", "a", "2");
    await put(t, "N", "b", "1");
    expect(file(t.sim)).toBe('{"configTable":{"ORDER_TOPIC_CONFIG":{"T1":"broker-a:4;b中<>/\\"\'"},"N":{"a":"2","b":"1"}}}');
    expect((await t.call("GET_KVLIST_BY_NAMESPACE", { namespace: "N" })).text).toBe('{"table":{"a":"2","b":"1"}}');
    expect((await t.call("GET_KV_CONFIG", { namespace: "N", key: "a" })).fields).toEqual({ value: "2" });
    await t.call("DELETE_KV_CONFIG", { namespace: "N", key: "a" });
    await t.call("DELETE_KV_CONFIG", { namespace: "N", key: "b" });
    expect((await t.call("GET_KVLIST_BY_NAMESPACE", { namespace: "N" })).text).toBe('{"table":{}}');
    expect(file(t.sim)).toBe('{"configTable":{"ORDER_TOPIC_CONFIG":{"T1":"broker-a:4;b中<>/\\"\'"},"N":{}}}');
    expect(file(t.sim, `${PATH}.bak`)).toContain('"N":{"b":"1"}');
  });

  test.each(["kill", "power"] as const)("survives %s right after the answer", async (kind) => {
    const t = testServer();
    await t.server.start();
    await put(t, "N", "a", "1");
    await put(t, "N", "a", "2");
    const again = testServer({}, t.sim.crash(kind));
    await again.server.start();
    expect((await again.call("GET_KV_CONFIG", { namespace: "N", key: "a" })).fields).toEqual({ value: "2" });
    await again.server.stop();
  });

  test("written by Apache is read, also as it writes maps, also when it stopped while overwriting", async () => {
    const sim = simRuntime();
    sim.files.makeDirectory("/home/namesrv");
    sim.files.write(PATH, new Uint8Array(0));
    sim.files.write(`${PATH}.bak`, new TextEncoder().encode('{"configTable":{"N":{"a":"1"},}}'));
    const t = testServer({}, sim);
    await t.server.start();
    expect((await t.call("GET_KV_CONFIG", { namespace: "N", key: "a" })).fields).toEqual({ value: "1" });
    expect(t.logged.some((line) => line.startsWith("error the KV configuration is broken"))).toBe(true);
    await t.server.stop();
  });

  test("that can't be read at all stops the start, which names the file", async () => {
    const sim = simRuntime();
    sim.files.makeDirectory("/home/namesrv");
    sim.files.write(PATH, new TextEncoder().encode("not JSON"));
    const t = testServer({}, sim);
    expect(await rejection(t.server.start())).toContain(`Cannot read the KV configuration "${PATH}"`);
  });

  test("that can't be written is not changed, and the answer says why", async () => {
    const t = testServer();
    await put(t, "N", "a", "1");
    for (const operation of ["write", "sync", "rename"] as const) {
      t.sim.disk.fail({ operation, code: "ENOSPC" });
      const answer = await put(t, "N", "a", "2");
      expect(answer.code).toBe(SYSTEM_ERROR);
      expect(answer.remark).toContain(`kvConfigPath=${PATH}`);
      t.sim.disk.restore();
      expect((await t.call("GET_KV_CONFIG", { namespace: "N", key: "a" })).fields).toEqual({ value: "1" });
    }
    const restarted = testServer({}, t.sim.crash("power"));
    await restarted.server.start();
    expect((await restarted.call("GET_KV_CONFIG", { namespace: "N", key: "a" })).fields).toEqual({ value: "1" });
    await restarted.server.stop();
  });

  test.each([
    ["a namespace", { namespace: "", key: "k", value: "v" }],
    ["a key", { namespace: "n", key: "", value: "v" }],
    ["a shorter namespace", { namespace: "n".repeat(256), key: "k", value: "v" }],
    ["a shorter key", { namespace: "n", key: "k".repeat(256), value: "v" }],
    ["a shorter value", { namespace: "n", key: "k", value: "v".repeat(300_000) }],
  ])("wants %s", async (_what, fields) => {
    const t = testServer();
    expect((await t.call("PUT_KV_CONFIG", fields)).code).toBe(SYSTEM_ERROR);
    expect(file(t.sim)).toBeUndefined();
  });

  test("names like those of Object's own members are names", async () => {
    const t = testServer();
    for (const name of ["__proto__", "constructor", "toString"]) {
      expect((await t.call("GET_KV_CONFIG", { namespace: name, key: name })).code).toBe(QUERY_NOT_FOUND);
      await put(t, name, name, "v");
      expect((await t.call("GET_KV_CONFIG", { namespace: name, key: name })).fields).toEqual({ value: "v" });
    }
    const again = testServer({}, t.sim.crash("kill"));
    await again.server.start();
    expect((await again.call("GET_KV_CONFIG", { namespace: "constructor", key: "toString" })).code).toBe(QUERY_NOT_FOUND);
    expect((await again.call("GET_KV_CONFIG", { namespace: "__proto__", key: "__proto__" })).fields).toEqual({ value: "v" });
    await again.server.stop();
  });
});
