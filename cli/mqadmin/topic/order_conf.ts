/** updateOrderConf: which brokers an ordered topic has how many queues on, in the nameservers' KV configuration. */
import { ResponseCode } from "../../../wire/response_code.ts";
import { MQBrokerError } from "../../../core/client/mod.ts";
import type { CommandContext } from "../context.ts";
import { command, optional, required, UsageError } from "../declaration.ts";

const NAMESPACE = "ORDER_TOPIC_CONFIG";

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
      const { header } = await context.askNamesrv("GET_KV_CONFIG", { namespace: NAMESPACE, key: topic });
      context.print(`get orderConf success. topic=[${topic}], orderConf=[${header.value ?? ""}] `);
      return { topic, orderConf: header.value };
    }
    if (method === "put") {
      if (orderConf === undefined || orderConf === "") throw new UsageError("please set orderConf with option -v.");
      await putOrderConf(context, topic, orderConf, true);
      context.print(`update orderConf success. topic=[${topic}], orderConf=[${orderConf}]`);
      return { topic, orderConf };
    }
    if (method !== "delete") throw new UsageError(`--method ${method}: allowed is one of put, get, delete`);
    for (const address of context.namesrvAddrs) {
      await context.call(address, "DELETE_KV_CONFIG", { namespace: NAMESPACE, key: topic });
    }
    context.print(`delete orderConf success. topic=[${topic}]`);
    return { topic };
  },
});

/** @param whole all of it; else `value` is the part of one broker, and the parts of the others stay */
export async function putOrderConf(context: CommandContext, topic: string, value: string, whole: boolean): Promise<void> {
  const parts = new Map<string, string>();
  const before = whole ? "" : await orderConfOf(context, topic);
  for (const part of [...before.split(";"), ...value.split(";")]) {
    if (part !== "") parts.set(part.split(":")[0] as string, part);
  }
  const joined = [...parts.values()].join(";");
  for (const address of context.namesrvAddrs) {
    await context.call(address, "PUT_KV_CONFIG", { namespace: NAMESPACE, key: topic, value: joined });
  }
}

async function orderConfOf(context: CommandContext, topic: string): Promise<string> {
  try {
    return (await context.askNamesrv("GET_KV_CONFIG", { namespace: NAMESPACE, key: topic })).header.value ?? "";
  } catch (fault) {
    if (fault instanceof MQBrokerError && fault.responseCode === ResponseCode.QUERY_NOT_FOUND) return "";
    throw fault;
  }
}
