import { describe, expect, test } from "bun:test";
import { matchRule, parseAdvertisedRules, parseHostPort } from "../../core/advertised_rules.ts";
import { ConnectionAddresses, type ConnectionEnds, firstInterface } from "../../core/broker/advertised.ts";
import { type BrokerSettingsInput, brokerOptions } from "../../core/broker/options.ts";
import { settingsWith } from "../../core/config.ts";
import type { NetworkInterface } from "../../core/runtime.ts";
import { fakeSystem, keptLog } from "./fakes.ts";

const NAMES: Readonly<Record<string, string[]>> = { "mq.example.com": ["2001:db8::9", "203.0.113.9"] };

function addresses(input: BrokerSettingsInput, oneProcess = true, cards?: NetworkInterface[]) {
  const system = cards === undefined ? fakeSystem() : fakeSystem({}, { interfaces: () => cards });
  const log = keptLog();
  const dns = {
    resolve: (name: string) =>
      NAMES[name] === undefined ? Promise.reject(new Error("ENOTFOUND")) : Promise.resolve(NAMES[name]),
  };
  const settings = settingsWith(brokerOptions, input, system);
  return { log, told: new ConnectionAddresses({ runtime: { system, dns }, log, settings, oneProcess }) };
}

const from = (remote: string, local: string): ConnectionEnds => ({
  remote: { host: remote, port: 50_000 },
  local: { host: local, port: 9876 },
});

describe("one process", () => {
  test("each client is told the address that it reached us on", () => {
    const { told } = addresses({});
    expect(told.brokerAddressFor(from("127.0.0.1", "127.0.0.1"))).toBe("127.0.0.1:10911");
    expect(told.brokerAddressFor(from("192.168.1.7", "192.168.1.2"))).toBe("192.168.1.2:10911");
    expect(told.brokerAddressFor(from("fd00::7", "fd00::2"))).toBe("[fd00::2]:10911");
    expect(told.storeHostFor(from("fd00::7", "fd00::2"))).toEqual({ host: "fd00::2", port: 10911 });
    expect(told.explain()).toEqual([
      "clients are told the address that they reached this server on, port 10911: brokerIP1 is not set",
    ]);
  });

  test("bound to one address, that one, wherever the nameserver was reached", () => {
    const { told } = addresses({ bindAddress: "10.0.0.5" });
    expect(told.brokerAddressFor(from("127.0.0.1", "127.0.0.1"))).toBe("10.0.0.5:10911");
    expect(told.explain()).toEqual(["clients are told 10.0.0.5:10911: the only address listened on; brokerIP1 is not set"]);
  });

  test("brokerIP1 is for everybody", () => {
    const { told } = addresses({ brokerIP1: "198.51.100.4", listenPort: 20911 });
    expect(told.brokerAddressFor(from("127.0.0.1", "127.0.0.1"))).toBe("198.51.100.4:20911");
    expect(told.storeHostFor(from("127.0.0.1", "127.0.0.1"))).toEqual({ host: "198.51.100.4", port: 20911 });
    expect(told.explain()).toEqual(["clients are told 198.51.100.4:20911: brokerIP1"]);
  });

  test("brokerIP1 may be IPv6, with brackets as Apache prints it or without", () => {
    for (const brokerIP1 of ["[2001:db8::4]", "2001:db8::4"]) {
      const { told } = addresses({ brokerIP1 });
      expect(told.brokerAddressFor(from("::1", "::1"))).toBe("[2001:db8::4]:10911");
      expect(told.storeHostFor(from("::1", "::1"))).toEqual({ host: "2001:db8::4", port: 10911 });
    }
  });

  test("the first rule that matches wins, the rest as without rules", async () => {
    const { told } = addresses({
      advertisedAddresses: "172.16.0.0/12=10.0.0.5:10911;172.16.0.0/16=10.9.9.9:1;203.0.113.0/24=mq.example.com:30911",
    });
    await told.refresh();
    expect(told.brokerAddressFor(from("172.16.0.9", "10.0.0.5"))).toBe("10.0.0.5:10911");
    expect(told.brokerAddressFor(from("203.0.113.77", "10.0.0.5"))).toBe("mq.example.com:30911");
    expect(told.storeHostFor(from("203.0.113.77", "10.0.0.5"))).toEqual({ host: "203.0.113.9", port: 30911 });
    expect(told.brokerAddressFor(from("192.168.1.7", "192.168.1.2"))).toBe("192.168.1.2:10911");
    expect(told.explain()).toEqual([
      "clients from 172.16.0.0/12 are told 10.0.0.5:10911: rule 1 of advertisedAddresses",
      "clients from 172.16.0.0/16 are told 10.9.9.9:1: rule 2 of advertisedAddresses",
      "clients from 203.0.113.0/24 are told mq.example.com:30911: rule 3 of advertisedAddresses",
      "other clients are told the address that they reached this server on, port 10911: brokerIP1 is not set",
    ]);
  });

  test("with rules and brokerIP1: rules for routes, brokerIP1 for storeHost and for the rest", () => {
    const { told } = addresses({ advertisedAddresses: "10.0.0.0/8=10.0.0.5:10911", brokerIP1: "198.51.100.4" });
    expect(told.brokerAddressFor(from("10.1.1.1", "10.0.0.5"))).toBe("10.0.0.5:10911");
    expect(told.brokerAddressFor(from("11.1.1.1", "10.0.0.5"))).toBe("198.51.100.4:10911");
    expect(told.storeHostFor(from("10.1.1.1", "10.0.0.5"))).toEqual({ host: "198.51.100.4", port: 10911 });
  });

  test("a host name that does not resolve gives way to the connection's address, and is said", async () => {
    const { told, log } = addresses({ advertisedAddresses: "0.0.0.0/0=nowhere.example:30911" });
    await told.refresh();
    expect(told.storeHostFor(from("10.1.1.1", "10.0.0.5"))).toEqual({ host: "10.0.0.5", port: 10911 });
    expect(log.lines[0]).toContain("cannot resolve the advertised host name nowhere.example");
  });
});

describe("a nameserver elsewhere", () => {
  test("one address: the first that is not loopback", () => {
    const { told } = addresses({}, false);
    expect(told.registeredAddress()).toBe("10.0.0.5:10911");
    expect(told.storeHostFor(from("127.0.0.1", "127.0.0.1"))).toEqual({ host: "10.0.0.5", port: 10911 });
    expect(told.explain()[0]).toBe("clients are told 10.0.0.5:10911: address of eth0; set brokerIP1 when clients can't reach it");
  });

  test("bound to one address, that one", () => {
    expect(addresses({ bindAddress: "127.0.0.1" }, false).told.registeredAddress()).toBe("127.0.0.1:10911");
    expect(addresses({ bindAddress: "::1" }, false).told.registeredAddress()).toBe("[::1]:10911");
  });

  test("rules act only in one process, and it is said", () => {
    const { told } = addresses({ advertisedAddresses: "0.0.0.0/0=a:1", brokerIP1: "10.0.0.9" }, false);
    expect(told.brokerAddressFor(from("1.1.1.1", "10.0.0.5"))).toBe("10.0.0.9:10911");
    expect(told.explain()).toEqual([
      "clients are told 10.0.0.9:10911: brokerIP1",
      "advertisedAddresses has no effect here: its rules act only with nameserver and broker in one process",
    ]);
  });

  test.each([
    [["lo 127.0.0.1", "docker0 172.17.0.1", "eth0 192.168.1.2"], "192.168.1.2"],
    [["eth0 10.0.0.5", "eth1 198.51.100.4"], "198.51.100.4"],
    [["eth0 fe80::1", "eth0 2001:db8::1"], "2001:db8::1"],
    [["eth0 2001:db8::1", "eth0 10.0.0.5"], "10.0.0.5"],
    [["docker0 172.17.0.1"], "172.17.0.1"],
    [["lo 127.0.0.1"], undefined],
  ])("of %j the choice is %s", (cards, expected) => {
    const interfaces = cards.map((card): NetworkInterface => {
      const [name = "", host = ""] = card.split(" ");
      return { name, host, family: host.includes(":") ? 6 : 4, loopback: name === "lo" };
    });
    expect(firstInterface(fakeSystem({}, { interfaces: () => interfaces }))?.host).toBe(expected);
  });
});

describe("rules", () => {
  test.each([
    ["10.0.0.0/8=a:1", "10.255.0.1", true],
    ["10.0.0.0/8=a:1", "11.0.0.1", false],
    ["10.0.0.0/9=a:1", "10.127.0.1", true],
    ["10.0.0.0/9=a:1", "10.128.0.1", false],
    ["0.0.0.0/0=a:1", "8.8.8.8", true],
    ["0.0.0.0/0=a:1", "::1", false],
    ["::/0=a:1", "::1", true],
    ["::/0=a:1", "8.8.8.8", false],
    ["fd00::/8=a:1", "fdff::1", true],
    ["2001:db8::/33=a:1", "2001:db8:8000::1", false],
    ["10.0.0.7=a:1", "10.0.0.7", true],
    ["10.0.0.7=a:1", "10.0.0.8", false],
    ["10.0.0.0/8=a:1", "::ffff:10.1.1.1", true],
  ])("%s holds %s: %s", (rule, address, holds) => {
    expect(matchRule(parseAdvertisedRules(rule), address) !== undefined).toBe(holds);
  });

  test.each([
    "10.0.0.0/8",
    "=a:1",
    "10.0.0.0/33=a:1",
    "::/129=a:1",
    "10.0.0.0/8=a",
    "10.0.0.0/8=a:0",
    "10.0.0/8=a:1",
    "x/8=a:1",
    "10.0.0.0/-1=a:1",
  ])("%s is none", (rule) => {
    expect(() => parseAdvertisedRules(rule)).toThrow();
  });

  test("blanks and empty rules do no harm", () => {
    expect(parseAdvertisedRules(" 10.0.0.0/8 = a:1 ; ;").map(({ network, host, port }) => [network, host, port])).toEqual([
      ["10.0.0.0/8", "a", 1],
    ]);
  });

  test("host:port texts", () => {
    expect(parseHostPort("[::1]:9876")).toEqual({ host: "::1", port: 9876 });
    expect(parseHostPort("a.b:1")).toEqual({ host: "a.b", port: 1 });
    expect(parseHostPort("::1:9876")).toBeUndefined();
  });
});
