import { describe, expect, test } from "bun:test";
import { diagnose, type Finding, type Prober } from "../../cli/diagnose.ts";

/** A network in memory: the brokers that the nameserver tells of, and what answers at which address. */
interface World {
  readonly told: Readonly<Record<string, string>>;
  /** address -> name that the broker there gives itself; "" refuses to say. */
  readonly answers: Readonly<Record<string, string>>;
  readonly nameserver?: boolean;
}

function prober({ told, answers, nameserver = true }: World): Prober {
  const brokers = Object.entries(told).map(([brokerName, address]) => ({
    cluster: "DefaultCluster",
    brokerName,
    brokerAddrs: new Map([[0, address]]),
    enableActingMaster: false,
  }));
  return {
    async cluster() {
      if (!nameserver) throw new Error("ECONNREFUSED");
      return { brokerAddrTable: new Map(brokers.map((data) => [data.brokerName, data])), clusterAddrTable: new Map() };
    },
    async route() {
      if (brokers.length === 0) return { route: undefined, remark: "No topic route info\nNo broker is registered" };
      return { route: { queueDatas: [], brokerDatas: brokers, filterServerTable: new Map() }, remark: "" };
    },
    async brokerName(address) {
      const name = answers[address];
      if (name === undefined) throw new Error(`cannot connect to ${address}`);
      return name === "" ? undefined : name;
    },
    async ownHost() {
      return "192.168.7.20";
    },
  };
}

const NAMESERVER = "192.168.7.2:9876";
const checked = async (world: World): Promise<Finding[]> => diagnose(prober(world), NAMESERVER, "TBW102");
const levels = (findings: readonly Finding[]) => findings.map(({ level }) => level);

describe("doctor", () => {
  test("all is well", async () => {
    const findings = await checked({ told: { a: "192.168.7.2:10911" }, answers: { "192.168.7.2:10911": "a" } });
    expect(levels(findings)).toEqual(["ok", "ok", "ok"]);
    expect(findings[2]?.text).toBe("broker a id 0 is told as 192.168.7.2:10911 (cluster, route of TBW102), and answers");
  });

  test("a broker that refuses to say its name is there", async () => {
    expect(levels(await checked({ told: { a: "h:1" }, answers: { "h:1": "" } }))).toEqual(["ok", "ok", "ok"]);
  });

  test("an inner address, while the nameserver's host leads to the broker: brokerIP1, with its value", async () => {
    const findings = await checked({ told: { a: "172.17.0.2:10911" }, answers: { "192.168.7.2:10911": "a" } });
    expect(levels(findings)).toEqual(["ok", "ok", "fail"]);
    expect(findings[2]?.text).toContain(
      "172.17.0.2:10911 (cluster, route of TBW102), and can't be reached from here: cannot connect",
    );
    expect(findings[2]?.advice).toContain("192.168.7.2:10911 leads to it: set brokerIP1=192.168.7.2 in the configuration of a");
    expect(findings[2]?.advice).toContain("advertisedAddresses=192.168.7.0/24=192.168.7.2:10911");
  });

  test("an address that nothing leads to: publish it, and the rule to set", async () => {
    const findings = await checked({ told: { a: "172.17.0.2:10911" }, answers: {} });
    expect(findings[2]?.advice).toContain("set brokerIP1 to that address");
    expect(findings[2]?.advice).toContain("advertisedAddresses=192.168.7.0/24=ADDRESS:PORT");
  });

  test("another broker at the address", async () => {
    const findings = await checked({ told: { a: "127.0.0.1:10911" }, answers: { "127.0.0.1:10911": "b" } });
    expect(findings[2]).toMatchObject({ level: "fail" });
    expect(findings[2]?.text).toContain("but b answers there");
    expect(findings[2]?.advice).toContain("brokerIP1 of a");
  });

  test("no broker", async () => {
    const findings = await checked({ told: {}, answers: {} });
    expect(levels(findings)).toEqual(["ok", "note", "fail"]);
    expect(findings[1]?.text).toBe("no route for topic TBW102: No broker is registered");
    expect(findings[2]?.advice).toContain("namesrvAddr");
  });

  test("no route, from Apache's nameserver: its words, not the link after them", async () => {
    const apache = prober({ told: {}, answers: {} });
    const remark = "No topic route info in name server for the topic: T\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ";
    const route = async () => ({ route: undefined, remark });
    const findings = await diagnose({ ...apache, route }, NAMESERVER, "T");
    expect(findings[1]?.text).toBe("no route for topic T: No topic route info in name server for the topic: T");
  });

  test("a nameserver that ends before it tells the route: said with the reason, and its brokers are tried all the same", async () => {
    const told = { a: "192.168.7.2:10911", b: "172.17.0.2:10911" };
    const world = prober({ told, answers: { "192.168.7.2:10911": "a" } });
    const route = () => Promise.reject(new Error(`the connection to ${NAMESERVER} was closed`));
    const findings = await diagnose({ ...world, route }, NAMESERVER, "T");
    expect(levels(findings)).toEqual(["ok", "fail", "ok", "fail"]);
    expect(findings[1]?.text).toBe(
      `nameserver ${NAMESERVER} told of its cluster, but not the route of topic T: the connection to ${NAMESERVER} was closed`,
    );
    expect(findings[1]?.advice).toContain("did the nameserver stop in between?");
    expect(findings[2]?.text).toBe("broker a id 0 is told as 192.168.7.2:10911 (cluster), and answers");
    const none = await diagnose({ ...prober({ told: {}, answers: {} }), route }, NAMESERVER, "T");
    expect(levels(none)).toEqual(["ok", "fail", "fail"]);
  });

  test("no nameserver", async () => {
    const findings = await checked({ told: {}, answers: {}, nameserver: false });
    expect(levels(findings)).toEqual(["fail"]);
    expect(findings[0]?.advice).toContain("--listen 0.0.0.0");
  });
});
