/** `doctor HOST:9876`: run where a client is, says what of the way to the brokers works and which key mends the rest. */
import process from "node:process";
import { Command } from "commander";
import { silentLog } from "../adapters/shared/log.ts";
import { isHostPort } from "../core/option_checks.ts";
import { parseProperties } from "../core/properties.ts";
import { RemotingClient } from "../core/remoting/client.ts";
import type { PeerReply } from "../core/remoting/processor.ts";
import type { TlsContext } from "../core/runtime.ts";
import { clusterInfo, topicRouteData } from "../wire/bodies/route.ts";
import { AUTO_CREATE_TOPIC } from "../wire/mix_all.ts";
import { ResponseCode } from "../wire/response_code.ts";
import { parsedArguments } from "./arguments.ts";
import { diagnose, type Prober } from "./diagnose.ts";
import { complain, hostRuntime, print } from "./host.ts";
import { toolsTls } from "./tools_tls.ts";

const TIMEOUT_MS = 3_000;

const command = new Command("doctor")
  .description("Tries from here what a client would meet: nameserver, cluster, route, every broker's address.")
  .argument("<nameserver>", "host:port of a nameserver")
  .option("-t, --topic <topic>", "topic whose route is asked for", AUTO_CREATE_TOPIC)
  .helpOption("-h, --help", "Print help")
  .showHelpAfterError();
const { topic } = parsedArguments<{ topic: string }>(command);
const nameserver = (command.args[0] ?? "").includes(":") ? command.args[0]! : `${command.args[0]}:9876`;
if (!isHostPort(nameserver)) {
  complain(`${nameserver} is no host:port`);
  process.exit(1);
}

const runtime = await hostRuntime();
const client = new RemotingClient({ runtime, log: silentLog, connectTimeoutMs: TIMEOUT_MS, ...secured() });
const findings = await diagnose(proberOver(client), nameserver, topic);
for (const { level, text, advice } of findings) {
  print(`${level.padEnd(4)} ${text}`);
  if (advice !== undefined) {
    print(`     -> ${advice}`);
  }
}
client.stop();
const failed = findings.filter((finding) => finding.level === "fail").length;
print(failed === 0 ? "A client here reaches every broker." : `${failed} of ${findings.length} checks failed.`);
process.exit(failed === 0 ? 0 : 1);

/** With -Dtls.enable=true in JAVA_OPT, as for mqadmin. */
function secured(): { tls?: () => TlsContext | undefined } {
  try {
    const options = toolsTls(runtime, process.env["JAVA_OPT"]);
    if (options === undefined) return {};
    const context = runtime.tls?.client(options);
    return { tls: () => context };
  } catch (error) {
    complain((error as Error).message);
    process.exit(1);
  }
}

function proberOver(over: RemotingClient): Prober {
  return {
    async cluster(address) {
      const reply = await over.invoke(address, "GET_BROKER_CLUSTER_INFO", {}, undefined, TIMEOUT_MS);
      return clusterInfo.decode(expected(reply).body);
    },
    async route(address, name) {
      const reply = await over.invoke(address, "GET_ROUTEINFO_BY_TOPIC", { topic: name }, undefined, TIMEOUT_MS);
      const route = reply.code === ResponseCode.SUCCESS ? topicRouteData.decode(reply.body) : undefined;
      return { route, remark: reply.remark ?? `code ${reply.code}` };
    },
    async brokerName(address) {
      const reply = await over.invoke(address, "GET_BROKER_CONFIG", {}, undefined, TIMEOUT_MS);
      // A broker with access control refuses the question, and so proves that it is there.
      return reply.code === ResponseCode.SUCCESS ? parseProperties(reply.body).get("brokerName") : undefined;
    },
    async ownHost(address) {
      return (await over.connection(address)).local.host;
    },
  };
}

function expected(reply: PeerReply): PeerReply {
  if (reply.code !== ResponseCode.SUCCESS) {
    throw new Error(`it answers code ${reply.code}: ${reply.remark ?? ""}`);
  }
  return reply;
}
