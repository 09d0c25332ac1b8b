/**
 * Namespaces. Those of 4.x are part of the names that brokers see (`MQ_INST_a%orders`), and the program sees none of it; those of
 * 5.x are told with each request, and names stay as they are.
 */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import { AUTO_CREATE_TOPIC, DLQ_PREFIX, RETRY_PREFIX } from "../../wire/mix_all.ts";
import type { RemotingCommand } from "../../wire/remoting_command.ts";

const SEPARATOR = "%";
/** Topics and groups of RocketMQ itself, which are in no namespace. */
const SYSTEM_PREFIXES: readonly string[] = ["rmq_sys_", "RMQ_SYS_", "CID_RMQ_SYS_", "%SYS%"];
const SYSTEM_NAMES: ReadonlySet<string> = new Set([
  AUTO_CREATE_TOPIC,
  "SCHEDULE_TOPIC_XXXX",
  "BenchmarkTest",
  "OFFSET_MOVED_EVENT",
  "SELF_TEST_TOPIC",
  "TRANS_CHECK_MAX_TIME_TOPIC",
]);

/** Names as programs write them, and as brokers see them. */
export class Namespace {
  readonly #namespace: string;

  /** @param namespace empty: none */
  constructor(namespace = "") {
    this.#namespace = namespace;
  }

  /** A topic or group, in the namespace; one that is in it already stays. */
  wrap(resource: string): string {
    if (this.#namespace === "" || resource === "" || isSystem(resource)) return resource;
    const [prefix, name] = parts(resource);
    return name.startsWith(this.#namespace + SEPARATOR) ? resource : prefix + this.#namespace + SEPARATOR + name;
  }

  /** Without the namespace; what is in another one stays. */
  unwrap(resource: string): string {
    if (this.#namespace === "") return resource;
    const [prefix, name] = parts(resource);
    const inIt = this.#namespace + SEPARATOR;
    return name.startsWith(inIt) ? prefix + name.slice(inIt.length) : resource;
  }

  wrapQueue(queue: MessageQueue): MessageQueue {
    return this.#namespace === "" ? queue : { ...queue, topic: this.wrap(queue.topic) };
  }

  unwrapQueue(queue: MessageQueue): MessageQueue {
    return this.#namespace === "" ? queue : { ...queue, topic: this.unwrap(queue.topic) };
  }
}

const isSystem = (resource: string): boolean =>
  SYSTEM_NAMES.has(resource) || SYSTEM_PREFIXES.some((prefix) => resource.startsWith(prefix));

/** `%RETRY%` and `%DLQ%` stay in front. */
function parts(resource: string): [prefix: string, name: string] {
  const prefix = [RETRY_PREFIX, DLQ_PREFIX].find((each) => resource.startsWith(each)) ?? "";
  return [prefix, resource.slice(prefix.length)];
}

/** Puts a namespace of 5.x into each request before `sign`. */
export function inNamespaceV2(
  namespace: string | undefined,
  sign: ((command: RemotingCommand) => void) | undefined,
): ((command: RemotingCommand) => void) | undefined {
  if (namespace === undefined || namespace === "") return sign;
  return (command) => {
    command.extFields = { ...command.extFields, nsd: "true", ns: namespace };
    sign?.(command);
  };
}
