/** Bounds on requests under way, by lane: Apache's capacities of its thread pools' queues. */
import type { LaneLimits } from "../remoting/admission.ts";
import type { BrokerSettings } from "./options.ts";

export function brokerLanes(settings: BrokerSettings): LaneLimits {
  return {
    send: { key: "sendThreadPoolQueueCapacity", limit: () => settings.sendThreadPoolQueueCapacity },
    pull: { key: "pullThreadPoolQueueCapacity", limit: () => settings.pullThreadPoolQueueCapacity },
    litePull: { key: "litePullThreadPoolQueueCapacity", limit: () => settings.litePullThreadPoolQueueCapacity },
    query: { key: "queryThreadPoolQueueCapacity", limit: () => settings.queryThreadPoolQueueCapacity },
    ack: { key: "ackThreadPoolQueueCapacity", limit: () => settings.ackThreadPoolQueueCapacity },
    endTransaction: { key: "endTransactionPoolQueueCapacity", limit: () => settings.endTransactionPoolQueueCapacity },
    heartbeat: { key: "heartbeatThreadPoolQueueCapacity", limit: () => settings.heartbeatThreadPoolQueueCapacity },
    clientManage: { key: "clientManagerThreadPoolQueueCapacity", limit: () => settings.clientManagerThreadPoolQueueCapacity },
    consumerManage: {
      key: "consumerManagerThreadPoolQueueCapacity",
      limit: () => settings.consumerManagerThreadPoolQueueCapacity,
    },
    admin: { key: "adminBrokerThreadPoolQueueCapacity", limit: () => settings.adminBrokerThreadPoolQueueCapacity },
  };
}
