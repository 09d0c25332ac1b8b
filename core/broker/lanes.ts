/**
 * Bounds on requests under way, by lane: Apache's capacities of its thread pools' queues, and its limits on the time that a
 * request may wait in one.
 */
import type { LaneLimits } from "../remoting/admission.ts";
import type { BrokerSettings } from "./options.ts";

export function brokerLanes(settings: BrokerSettings): LaneLimits {
  /** brokerFastFailureEnable=false: nothing is refused for having waited. */
  const wait = (key: WaitKey, ms: () => number) => ({
    key,
    ms: () => (settings.brokerFastFailureEnable ? ms() : Number.POSITIVE_INFINITY),
  });
  return {
    send: {
      key: "sendThreadPoolQueueCapacity",
      limit: () => settings.sendThreadPoolQueueCapacity,
      wait: wait("waitTimeMillsInSendQueue", () => settings.waitTimeMillsInSendQueue),
    },
    pull: {
      key: "pullThreadPoolQueueCapacity",
      limit: () => settings.pullThreadPoolQueueCapacity,
      wait: wait("waitTimeMillsInPullQueue", () => settings.waitTimeMillsInPullQueue),
    },
    litePull: {
      key: "litePullThreadPoolQueueCapacity",
      limit: () => settings.litePullThreadPoolQueueCapacity,
      wait: wait("waitTimeMillsInLitePullQueue", () => settings.waitTimeMillsInLitePullQueue),
    },
    reply: { key: "replyThreadPoolQueueCapacity", limit: () => settings.replyThreadPoolQueueCapacity },
    query: { key: "queryThreadPoolQueueCapacity", limit: () => settings.queryThreadPoolQueueCapacity },
    ack: {
      key: "ackThreadPoolQueueCapacity",
      limit: () => settings.ackThreadPoolQueueCapacity,
      wait: wait("waitTimeMillsInAckQueue", () => settings.waitTimeMillsInAckQueue),
    },
    endTransaction: {
      key: "endTransactionPoolQueueCapacity",
      limit: () => settings.endTransactionPoolQueueCapacity,
      wait: wait("waitTimeMillsInTransactionQueue", () => settings.waitTimeMillsInTransactionQueue),
    },
    heartbeat: {
      key: "heartbeatThreadPoolQueueCapacity",
      limit: () => settings.heartbeatThreadPoolQueueCapacity,
      wait: wait("waitTimeMillsInHeartbeatQueue", () => settings.waitTimeMillsInHeartbeatQueue),
    },
    clientManage: { key: "clientManagerThreadPoolQueueCapacity", limit: () => settings.clientManagerThreadPoolQueueCapacity },
    consumerManage: {
      key: "consumerManagerThreadPoolQueueCapacity",
      limit: () => settings.consumerManagerThreadPoolQueueCapacity,
    },
    loadBalance: { key: "loadBalanceThreadPoolQueueCapacity", limit: () => settings.loadBalanceThreadPoolQueueCapacity },
    admin: {
      key: "adminBrokerThreadPoolQueueCapacity",
      limit: () => settings.adminBrokerThreadPoolQueueCapacity,
      wait: wait("waitTimeMillsInAdminBrokerQueue", () => settings.waitTimeMillsInAdminBrokerQueue),
    },
  };
}

type WaitKey = keyof BrokerSettings & `waitTimeMillsIn${string}`;
