/**
 * What a client would meet, tried step by step: the nameserver, the cluster, the route of a topic, every address in them.
 * Run where the client is, since an address that works elsewhere says nothing.
 *
 * It changes nothing on any server, and knows Apache's brokers as well as ours: what it advises are keys of both, unless it
 * says otherwise.
 */
import { isIpLiteral, parseHostPort } from "../core/advertised_rules.ts";
import type { BrokerData, ClusterInfo, TopicRouteData } from "../wire/bodies/route.ts";
import { hostPortText } from "../wire/host.ts";

export interface Finding {
  readonly level: "ok" | "note" | "fail";
  readonly text: string;
  /** What to set, and to what. */
  readonly advice?: string;
}

/** How the questions are asked; over sockets in `doctor.ts`, in memory in tests. All reject with a sentence. */
export interface Prober {
  cluster(nameserver: string): Promise<ClusterInfo>;
  /** Undefined, with the server's words, when there is no route. */
  route(nameserver: string, topic: string): Promise<{ route: TopicRouteData | undefined; remark: string }>;
  /** The name that the broker at this address gives itself; undefined when it answers but does not say. */
  brokerName(address: string): Promise<string | undefined>;
  /** Our own address on the connection to `address`. */
  ownHost(address: string): Promise<string>;
}

/** One address that clients would dial. */
interface Target {
  readonly brokerName: string;
  readonly brokerId: string;
  readonly address: string;
  readonly sources: string[];
}

export async function diagnose(prober: Prober, nameserver: string, topic: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  const targets: Target[] = [];
  try {
    const cluster = await prober.cluster(nameserver);
    findings.push({
      level: "ok",
      text: `nameserver ${nameserver} answers, ${cluster.brokerAddrTable.size} broker name(s) known`,
    });
    collect(targets, [...cluster.brokerAddrTable.values()], "cluster");
  } catch (fault) {
    return [unreachableNameserver(nameserver, fault)];
  }
  const { finding, brokers } = await askRoute(prober, nameserver, topic);
  findings.push(finding);
  collect(targets, brokers, `route of ${topic}`);
  if (targets.length === 0) {
    const advice = "start a broker with namesrvAddr (or -n, or NAMESRV_ADDR) set to this nameserver";
    findings.push({ level: "fail", text: `no broker is registered at ${nameserver}`, advice });
  }
  for (const target of targets) {
    findings.push(await checkBroker(prober, nameserver, target));
  }
  return findings;
}

/** A nameserver that ends here leaves the brokers of its cluster to be tried. */
async function askRoute(
  prober: Prober,
  nameserver: string,
  topic: string,
): Promise<{ finding: Finding; brokers: readonly BrokerData[] }> {
  try {
    const { route, remark } = await prober.route(nameserver, topic);
    if (route === undefined) {
      return { finding: { level: "note", text: `no route for topic ${topic}: ${reasonOf(remark)}` }, brokers: [] };
    }
    const names = route.brokerDatas.map((data) => data.brokerName).join(", ");
    return { finding: { level: "ok", text: `route of topic ${topic}: ${names}` }, brokers: route.brokerDatas };
  } catch (fault) {
    const text = `nameserver ${nameserver} told of its cluster, but not the route of topic ${topic}: ${(fault as Error).message}`;
    const advice = "did the nameserver stop in between? Look whether it is up and what its log says last, and run this again";
    return { finding: { level: "fail", text, advice }, brokers: [] };
  }
}

/** Our nameserver ends with what it knows; Apache's with a link. */
function reasonOf(remark: string): string {
  return remark.split("\n").findLast((line) => line.trim() !== "" && !line.startsWith("See http")) ?? remark;
}

function collect(targets: Target[], brokers: readonly BrokerData[], source: string): void {
  for (const { brokerName, brokerAddrs } of brokers) {
    for (const [brokerId, address] of brokerAddrs) {
      const known = targets.find((target) => target.address === address && target.brokerName === brokerName);
      if (known === undefined) {
        targets.push({ brokerName, brokerId: String(brokerId), address, sources: [source] });
      } else if (!known.sources.includes(source)) {
        known.sources.push(source);
      }
    }
  }
}

async function checkBroker(prober: Prober, nameserver: string, target: Target): Promise<Finding> {
  const { brokerName, brokerId, address, sources } = target;
  const what = `broker ${brokerName} id ${brokerId} is told as ${address} (${sources.join(", ")})`;
  const parsed = parseHostPort(address);
  if (parsed === undefined) {
    return {
      level: "fail",
      text: `${what}: that is no host:port`,
      advice: `set brokerIP1 in the configuration of ${brokerName}`,
    };
  }
  try {
    const found = await prober.brokerName(address);
    if (found === undefined || found === brokerName) {
      return { level: "ok", text: `${what}, and answers` };
    }
    const advice = `set brokerIP1 of ${brokerName} to an address that leads to it, or its listenPort to a port of its own`;
    return { level: "fail", text: `${what}, but ${found} answers there`, advice };
  } catch (fault) {
    const reason = `${what}, and can't be reached from here: ${(fault as Error).message}`;
    return { level: "fail", text: reason, advice: await adviceFor(prober, nameserver, target, parsed.port) };
  }
}

/** The nameserver's host is one that this client can reach: often the broker is right behind it. */
async function adviceFor(prober: Prober, nameserver: string, target: Target, port: number): Promise<string> {
  const { host } = parseHostPort(nameserver) ?? { host: nameserver };
  const candidate = hostPortText(host, port);
  const own = await prober.ownHost(nameserver).catch(() => "this client's address");
  const rule = (to: string) =>
    `advertisedAddresses=${networkOf(own)}=${to} (nameserver and broker in one process; the network as the server sees it)`;
  const leads = candidate === target.address ? false : await answersAs(prober, candidate, target.brokerName);
  if (leads) {
    return `${candidate} leads to it: set brokerIP1=${host} in the configuration of ${target.brokerName}, or for this network only ${rule(candidate)}`;
  }
  return (
    `let connections from here reach ${target.address} (is it up, does it listen there, is a firewall or NAT between?), ` +
    `or publish its port at an address that is reached from here and set brokerIP1 to that address; ` +
    `when the published port differs from ${port}: ${rule("ADDRESS:PORT")}`
  );
}

async function answersAs(prober: Prober, address: string, brokerName: string): Promise<boolean> {
  try {
    return ((await prober.brokerName(address)) ?? brokerName) === brokerName;
  } catch {
    return false;
  }
}

function unreachableNameserver(nameserver: string, fault: unknown): Finding {
  const advice =
    "is the nameserver up, and does it listen on more than 127.0.0.1 (--listen 0.0.0.0 of the stand-alone server, bindAddress of " +
    "mqnamesrv)? Does a firewall or an unpublished port lie between?";
  return { level: "fail", text: `nameserver ${nameserver} can't be reached from here: ${(fault as Error).message}`, advice };
}

/** The usual network around an address, as a suggestion: /24, or /64 for IPv6. */
function networkOf(host: string): string {
  if (!isIpLiteral(host)) {
    return "CIDR-OF-THIS-NETWORK";
  }
  return host.includes(":") ? `${host}/64` : `${host.split(".").slice(0, 3).join(".")}.0/24`;
}
