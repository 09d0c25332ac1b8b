/**
 * A Deno program of a user: nameserver and broker embedded with files in the directory given, a message sent and pulled over
 * the network, then the same in memory. Prints one line of JSON, and must end by itself: nothing may be left behind.
 */
import { denoRuntime } from "../../adapters/deno.ts";
import { RemotingClient } from "../../core/remoting/client.ts";
import { Broker, brokerOptions, NameServer, namesrvOptions, settingsWith, silentLog, startRocketMQ } from "../../mod.ts";
import { topicRouteData } from "../../wire/bodies/route.ts";
import { sendHeader } from "../broker/messages_harness.ts";

declare const Deno: { readonly args: readonly string[] };

const [directory] = Deno.args;
const runtime = denoRuntime();
const log = silentLog;
const nameServer = new NameServer({
  runtime,
  log,
  settings: settingsWith(namesrvOptions, { kvConfigPath: `${directory}/kvConfig.json` }, runtime.system),
  listen: [{ host: "0.0.0.0", port: 0 }],
});
const broker = new Broker({
  runtime,
  log,
  settings: settingsWith(
    brokerOptions,
    { brokerName: "embedded", listenPort: 0, storePathRootDir: `${directory}/store` },
    runtime.system,
  ),
  nameServer,
});
const [namesrvAddress] = await nameServer.start();
const described = await broker.start();

const client = new RemotingClient({ runtime, log });
const namesrv = `127.0.0.1:${namesrvAddress?.port}`;
const route = await client.invoke(namesrv, "GET_ROUTEINFO_BY_TOPIC", { topic: "TBW102" }, undefined, 5_000);
const told = topicRouteData.decode(route.body).brokerDatas[0]?.brokerAddrs.get(0) ?? "";
const sent = await client.invoke(told, "SEND_MESSAGE", sendHeader({ topic: "T" }), new TextEncoder().encode("hello"), 5_000);
client.stop();
await broker.stop();
await nameServer.stop();

const inMemory = await startRocketMQ();
const stored = await inMemory.broker.invoke("SEND_MESSAGE", sendHeader({ topic: "T" }), new TextEncoder().encode("hello"));
await inMemory.close();

console.log(
  JSON.stringify({
    toldByConnection: told === `127.0.0.1:${described.listening[0]?.port}`,
    sent: sent.code,
    queueOffset: stored?.header?.queueOffset,
  }),
);
