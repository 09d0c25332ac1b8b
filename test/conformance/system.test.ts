/** What every adapter says of its machine, and how it resolves names. */
import { describe, expect, test } from "bun:test";
import { ADAPTERS } from "./adapters.ts";

describe.each(ADAPTERS.map((adapter) => [adapter.name, adapter] as const))("the system of %s", (_name, adapter) => {
  const { runtime, wait, stop } = adapter.start();
  stop();
  const { system, dns } = runtime;

  test("has a process, a name, memory and processors", () => {
    expect(system.pid).toBeGreaterThan(0);
    expect(system.hostName().length).toBeGreaterThan(0);
    expect(system.cpuCount()).toBeGreaterThanOrEqual(1);
    expect(system.homeDirectory()).toStartWith("/");
    const { totalBytes, residentBytes } = system.memory();
    expect(residentBytes).toBeGreaterThan(2 ** 20);
    expect(totalBytes).toBeGreaterThan(residentBytes);
  });

  test("has a loopback among its interfaces; addresses are plain literals", () => {
    const found = system.interfaces();
    expect(found.some(({ host, family, loopback }) => host === "127.0.0.1" && family === 4 && loopback)).toBe(true);
    for (const { name, host, family } of found) {
      expect(name.length).toBeGreaterThan(0);
      expect(host).toMatch(family === 4 ? /^\d+\.\d+\.\d+\.\d+$/ : /^[\da-f:.]+$/);
    }
  });

  test("tells an unset variable from a set one", () => {
    expect(system.environment("EDGEMQ_NOT_SET_ANYWHERE")).toBeUndefined();
  });

  test("has an offset from UTC that belongs to the time asked for", () => {
    const winter = Date.UTC(2026, 0, 1);
    const offset = system.utcOffsetMinutes(winter);
    expect(Math.abs(offset)).toBeLessThanOrEqual(14 * 60);
    if (adapter.name.startsWith("sim")) return;
    // What the offset makes of UTC is what the local time functions say.
    const local = new Date(winter + offset * 60_000);
    expect([local.getUTCHours(), local.getUTCMinutes()]).toEqual([new Date(winter).getHours(), new Date(winter).getMinutes()]);
  });

  test("resolves a literal to itself, localhost to loopback, and an unknown name not at all", async () => {
    expect(await wait(dns.resolve("10.1.2.3"))).toEqual(["10.1.2.3"]);
    expect(await wait(dns.resolve("2001:db8::1"))).toEqual(["2001:db8::1"]);
    expect((await wait(dns.resolve("localhost")))[0]).toMatch(/^(127\.0\.0\.1|::1)$/);
    const fault = await wait(dns.resolve("no such name").catch((error: unknown) => error));
    expect(fault).toMatchObject({ code: "ENOTFOUND" });
    expect((fault as Error).message).toContain('"no such name"');
  });
});
