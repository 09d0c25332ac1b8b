/** The broker itself: runtime info (28), files (306, 329), replication (907, 908), news of its group's members (905). */
import { haRuntimeInfo } from "../../../wire/bodies/ha.ts";
import { kvTable } from "../../../wire/bodies/kv_table.ts";
import type { ProcessorMap } from "../../remoting/processor.ts";
import type { AdminParts } from "./admin_parts.ts";
import { runtimeInfo } from "./runtime_info.ts";

type ServiceProcessors = Pick<
  ProcessorMap<"broker">,
  | "GET_BROKER_RUNTIME_INFO"
  | "CLEAN_EXPIRED_CONSUMEQUEUE"
  | "DELETE_EXPIRED_COMMITLOG"
  | "GET_BROKER_HA_STATUS"
  | "RESET_MASTER_FLUSH_OFFSET"
  | "NOTIFY_MIN_BROKER_ID_CHANGE"
>;

export function serviceProcessors(parts: AdminParts): ServiceProcessors {
  const { store, log, settings } = parts;
  let minBrokerId = settings.brokerId;
  return {
    GET_BROKER_RUNTIME_INFO() {
      return { body: kvTable.encode({ table: runtimeInfo(parts) }) };
    },

    async CLEAN_EXPIRED_CONSUMEQUEUE() {
      await store.cleanExpiredConsumeQueues();
      return {};
    },

    async DELETE_EXPIRED_COMMITLOG() {
      const files = await store.deleteExpiredCommitLogs();
      log.info("expired commit log files deleted on demand", { files });
      return {};
    },

    /** Of a master that nobody replicates from. */
    GET_BROKER_HA_STATUS() {
      const body = haRuntimeInfo.encode({
        master: true,
        masterCommitLogMaxOffset: store.stats().maxPhysicalOffset,
        inSyncSlaveNums: 0,
        haConnectionInfo: [],
        haClientRuntimeInfo: haRuntimeInfo.parse("{}").haClientRuntimeInfo,
      });
      return { body };
    },

    /** What a slave believes of its master; a master, which all brokers here are, has nothing to reset. */
    RESET_MASTER_FLUSH_OFFSET: () => ({}),

    /** A master acts for nobody, so it only takes note. */
    NOTIFY_MIN_BROKER_ID_CHANGE(_context, { header }) {
      if (header.minBrokerId !== undefined && header.minBrokerId !== minBrokerId) {
        log.info("min broker id changed", { broker: settings.brokerName, before: minBrokerId, now: header.minBrokerId });
        minBrokerId = header.minBrokerId;
      }
      return {};
    },
  };
}
