/** updateOrderConf: which brokers an ordered topic has how many queues on, in the nameservers' KV configuration. */
import { ORDER_TOPIC_CONFIG } from "../../../core/client/admin/name_server_admin.ts";
import { command, optional, required, UsageError } from "../declaration.ts";

export const updateOrderConf = command({
  name: "updateOrderConf",
  package: "topic",
  description: "Create or update or delete order conf.",
  options: {
    topic: required("t", "topic name"),
    orderConf: optional("v", "set order conf [eg. brokerName1:num;brokerName2:num]"),
    method: required("m", "option type [eg. put|get|delete"),
  },
  example: "-n 127.0.0.1:9876 -t TopicTest -m put -v broker-a:4",
  async run(context, { topic, orderConf, method }) {
    if (method === "get") {
      const found = await context.admin.nameServers.getKVConfig(ORDER_TOPIC_CONFIG, topic);
      context.print(`get orderConf success. topic=[${topic}], orderConf=[${found ?? ""}] `);
      return { topic, orderConf: found };
    }
    if (method === "put") {
      if (orderConf === undefined || orderConf === "") throw new UsageError("please set orderConf with option -v.");
      await context.admin.nameServers.createOrUpdateOrderConf(topic, orderConf, true);
      context.print(`update orderConf success. topic=[${topic}], orderConf=[${orderConf}]`);
      return { topic, orderConf };
    }
    if (method !== "delete") throw new UsageError(`--method ${method}: allowed is one of put, get, delete`);
    await context.admin.nameServers.deleteKvConfig(ORDER_TOPIC_CONFIG, topic);
    context.print(`delete orderConf success. topic=[${topic}]`);
    return { topic };
  },
});
