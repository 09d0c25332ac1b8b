/** updateKvConfig, deleteKvConfig: the KV table, on every nameserver, as none of them tells the others. */
import { command, required } from "../declaration.ts";

const namespace = required("s", "set the namespace");
const key = required("k", "set the key name");

export const updateKvConfig = command({
  name: "updateKvConfig",
  package: "namesrv",
  description: "Create or update KV config.",
  options: { namespace, key, value: required("v", "set the key value") },
  example: "-n 127.0.0.1:9876 -s ORDER_TOPIC_CONFIG -k TopicTest -v broker-a:4",
  async run(context, { namespace, key, value }) {
    await context.admin.nameServers.createAndUpdateKvConfig(namespace, key, value);
    context.print("create or update kv config to namespace success.");
    return { namespace, key, value, nameservers: context.namesrvAddrs };
  },
});

export const deleteKvConfig = command({
  name: "deleteKvConfig",
  package: "namesrv",
  description: "Delete KV config.",
  options: { namespace, key },
  example: "-n 127.0.0.1:9876 -s ORDER_TOPIC_CONFIG -k TopicTest",
  async run(context, { namespace, key }) {
    await context.admin.nameServers.deleteKvConfig(namespace, key);
    context.print("delete kv config from namespace success.");
    return { namespace, key, nameservers: context.namesrvAddrs };
  },
});
