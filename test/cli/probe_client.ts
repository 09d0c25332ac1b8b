/**
 * A client for the tests in network namespaces, run as a program where the client would be: asks a nameserver for the route of
 * a topic that its broker will make, sends a message to the address it is told, and views it by its id, at the host inside the
 * id, as Java's client does. Prints one line of JSON.
 *
 *     probe_client.ts NAMESERVER TOPIC
 */
import process from "node:process";
import { silentLog } from "../../adapters/shared/log.ts";
import { hostRuntime } from "../../cli/host.ts";
import { RemotingClient } from "../../core/remoting/client.ts";
import type { PeerReply } from "../../core/remoting/processor.ts";
import { topicRouteData } from "../../wire/bodies/route.ts";
import { sendMessageResponseHeader } from "../../wire/headers/send.ts";
import { hostPortText } from "../../wire/host.ts";
import { decodeMessageId } from "../../wire/message_id.ts";

/** What it prints. */
export interface Probed {
  /** Address in the route. */
  readonly told: string;
  /** Host and port inside the message's id. */
  readonly storeHost: string;
  /** The message's body was found by its id, there. */
  readonly viewed: boolean;
}

const TIMEOUT_MS = 5_000;
const BODY = "seen from here";

async function probe(client: RemotingClient, nameserver: string, topic: string): Promise<Probed> {
  const route = succeeded(await client.invoke(nameserver, "GET_ROUTEINFO_BY_TOPIC", { topic: "TBW102" }, undefined, TIMEOUT_MS));
  const told = topicRouteData.decode(route.body).brokerDatas[0]?.brokerAddrs.get(0) ?? "";
  const header = {
    producerGroup: "probe",
    topic,
    defaultTopic: "TBW102",
    defaultTopicQueueNums: 1,
    queueId: 0,
    sysFlag: 0,
    bornTimestamp: Date.now(),
    flag: 0,
    properties: "",
  };
  const sent = succeeded(await client.invoke(told, "SEND_MESSAGE", header, new TextEncoder().encode(BODY), TIMEOUT_MS));
  const { host, port, physicalOffset } = decodeMessageId(sendMessageResponseHeader.decode(sent.extFields ?? {}).msgId);
  const storeHost = hostPortText(host, port);
  const view = await client.invoke(storeHost, "VIEW_MESSAGE_BY_ID", { topic, offset: physicalOffset }, undefined, TIMEOUT_MS);
  return { told, storeHost, viewed: new TextDecoder("latin1").decode(succeeded(view).body).includes(BODY) };
}

function succeeded(reply: PeerReply): PeerReply {
  if (reply.code !== 0) throw new Error(`code ${reply.code}: ${reply.remark ?? ""}`);
  return reply;
}

if (process.argv.length > 3) {
  const client = new RemotingClient({ runtime: await hostRuntime(), log: silentLog, connectTimeoutMs: TIMEOUT_MS });
  console.log(JSON.stringify(await probe(client, process.argv[2]!, process.argv[3]!)));
  process.exit(0);
}
