/** Headers of broker administration: configuration, statistics, replication, brokers of a container. Field names are Apache's. */
import { type HeaderCodec, header, optional, required } from "../header.ts";

export interface AddBrokerRequestHeader {
  /** Path of the broker's configuration. */
  configPath?: string | undefined;
}
export const addBrokerRequestHeader: HeaderCodec<AddBrokerRequestHeader> = header<AddBrokerRequestHeader>(
  "AddBrokerRequestHeader",
  {
    configPath: optional.string,
  },
);

export interface CheckRocksdbCqWriteProgressRequestHeader {
  /** Topic name. */
  topic: string;
  /** Store time to begin the check at, ms since 1970. */
  checkStoreTime?: number | undefined;
}
export const checkRocksdbCqWriteProgressRequestHeader: HeaderCodec<CheckRocksdbCqWriteProgressRequestHeader> =
  header<CheckRocksdbCqWriteProgressRequestHeader>("CheckRocksdbCqWriteProgressRequestHeader", {
    topic: required.string,
    checkStoreTime: optional.long,
  });

export interface ExchangeHAInfoRequestHeader {
  /** `host:port` of the master's HA port. */
  masterHaAddress?: string | undefined;
  /** Flushed physical offset of the master. */
  masterFlushOffset?: number | undefined;
  /** `host:port` of the master. */
  masterAddress?: string | undefined;
}
export const exchangeHAInfoRequestHeader: HeaderCodec<ExchangeHAInfoRequestHeader> = header<ExchangeHAInfoRequestHeader>(
  "ExchangeHAInfoRequestHeader",
  {
    masterHaAddress: optional.string,
    masterFlushOffset: optional.long,
    masterAddress: optional.string,
  },
);

export interface ExchangeHAInfoResponseHeader {
  /** `host:port` of the master's HA port. */
  masterHaAddress?: string | undefined;
  /** Flushed physical offset of the master. */
  masterFlushOffset?: number | undefined;
  /** `host:port` of the master. */
  masterAddress?: string | undefined;
}
export const exchangeHAInfoResponseHeader: HeaderCodec<ExchangeHAInfoResponseHeader> = header<ExchangeHAInfoResponseHeader>(
  "ExchangeHAInfoResponseHeader",
  {
    masterHaAddress: optional.string,
    masterFlushOffset: optional.long,
    masterAddress: optional.string,
  },
);

export interface ExportRocksDBConfigToJsonRequestHeader {
  /** Which configuration to export. */
  configType: string;
}
export const exportRocksDBConfigToJsonRequestHeader: HeaderCodec<ExportRocksDBConfigToJsonRequestHeader> =
  header<ExportRocksDBConfigToJsonRequestHeader>("ExportRocksDBConfigToJsonRequestHeader", {
    configType: required.string,
  });

export interface GetBrokerConfigResponseHeader {
  /** JSON of the DataVersion. */
  version: string;
}
export const getBrokerConfigResponseHeader: HeaderCodec<GetBrokerConfigResponseHeader> = header<GetBrokerConfigResponseHeader>(
  "GetBrokerConfigResponseHeader",
  {
    version: required.string,
  },
);

export interface NotifyBrokerRoleChangedRequestHeader {
  /** `host:port` of the master. */
  masterAddress?: string | undefined;
  /** Epoch of the master. */
  masterEpoch?: number | undefined;
  /** Epoch of the sync state set. */
  syncStateSetEpoch?: number | undefined;
  /** Broker id of the master; absent when there is none. */
  masterBrokerId?: number | undefined;
}
export const notifyBrokerRoleChangedRequestHeader: HeaderCodec<NotifyBrokerRoleChangedRequestHeader> =
  header<NotifyBrokerRoleChangedRequestHeader>("NotifyBrokerRoleChangedRequestHeader", {
    masterAddress: optional.string,
    masterEpoch: optional.int,
    syncStateSetEpoch: optional.int,
    masterBrokerId: optional.long,
  });

export interface NotifyMinBrokerIdChangeRequestHeader {
  /** Smallest broker id alive. */
  minBrokerId?: number | undefined;
  /** Broker name. */
  brokerName?: string | undefined;
  /** Its address. */
  minBrokerAddr?: string | undefined;
  /** Address of the broker that left. */
  offlineBrokerAddr?: string | undefined;
  /** HA address. */
  haBrokerAddr?: string | undefined;
}
export const notifyMinBrokerIdChangeRequestHeader: HeaderCodec<NotifyMinBrokerIdChangeRequestHeader> =
  header<NotifyMinBrokerIdChangeRequestHeader>("NotifyMinBrokerIdChangeRequestHeader", {
    minBrokerId: optional.long,
    brokerName: optional.string,
    minBrokerAddr: optional.string,
    offlineBrokerAddr: optional.string,
    haBrokerAddr: optional.string,
  });

export interface RemoveBrokerRequestHeader {
  /** Broker name. */
  brokerName: string;
  /** Cluster name. */
  brokerClusterName: string;
  /** 0 master, above 0 slave. */
  brokerId: number;
}
export const removeBrokerRequestHeader: HeaderCodec<RemoveBrokerRequestHeader> = header<RemoveBrokerRequestHeader>(
  "RemoveBrokerRequestHeader",
  {
    brokerName: required.string,
    brokerClusterName: required.string,
    brokerId: required.long,
  },
);

export interface ResetMasterFlushOffsetHeader {
  /** Flushed physical offset of the master. */
  masterFlushOffset: number;
}
export const resetMasterFlushOffsetHeader: HeaderCodec<ResetMasterFlushOffsetHeader> = header<ResetMasterFlushOffsetHeader>(
  "ResetMasterFlushOffsetHeader",
  {
    masterFlushOffset: required.long,
  },
);

export interface ViewBrokerStatsDataRequestHeader {
  /** Name of the counter: TOPIC_PUT_NUMS, GROUP_GET_NUMS … */
  statsName: string;
  /** Topic, `topic@group` or `queueId@topic@group`, or the name of the cluster. */
  statsKey: string;
}
export const viewBrokerStatsDataRequestHeader: HeaderCodec<ViewBrokerStatsDataRequestHeader> =
  header<ViewBrokerStatsDataRequestHeader>("ViewBrokerStatsDataRequestHeader", {
    statsName: required.string,
    statsKey: required.string,
  });
