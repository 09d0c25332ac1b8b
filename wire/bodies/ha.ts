/** Replication as administrators and slaves see it. */
import { body, bool, int, list, long, maybe, or, orNew, text } from "../body.ts";

/** A slave, as its master sees it. */
export interface HAConnectionRuntimeInfo {
  addr: string;
  slaveAckOffset: number;
  /** Bytes behind. */
  diff: number;
  inSync: boolean;
  transferredByteInSecond: number;
  transferFromWhere: number;
}

export const haConnectionRuntimeInfo = body<HAConnectionRuntimeInfo>("HAConnectionRuntimeInfo", {
  addr: or(text, ""),
  slaveAckOffset: or(long, 0),
  diff: or(long, 0),
  inSync: or(bool, false),
  transferredByteInSecond: or(long, 0),
  transferFromWhere: or(long, 0),
});

/** A master, as its slave sees it. Times in ms. */
export interface HAClientRuntimeInfo {
  masterAddr?: string | undefined;
  transferredByteInSecond: number;
  maxOffset: number;
  lastReadTimestamp: number;
  lastWriteTimestamp: number;
  masterFlushOffset: number;
}

export const haClientRuntimeInfo = body<HAClientRuntimeInfo>("HAClientRuntimeInfo", {
  masterAddr: maybe(text),
  transferredByteInSecond: or(long, 0),
  maxOffset: or(long, 0),
  lastReadTimestamp: or(long, 0),
  lastWriteTimestamp: or(long, 0),
  masterFlushOffset: or(long, 0),
});

/** Answer of GET_BROKER_HA_STATUS. */
export interface HARuntimeInfo {
  master: boolean;
  masterCommitLogMaxOffset: number;
  inSyncSlaveNums: number;
  haConnectionInfo: HAConnectionRuntimeInfo[];
  haClientRuntimeInfo: HAClientRuntimeInfo;
}

export const haRuntimeInfo = body<HARuntimeInfo>("HARuntimeInfo", {
  master: or(bool, false),
  masterCommitLogMaxOffset: or(long, 0),
  inSyncSlaveNums: or(int, 0),
  haConnectionInfo: list(haConnectionRuntimeInfo),
  haClientRuntimeInfo: orNew(haClientRuntimeInfo, () => haClientRuntimeInfo.read({}, "")),
});

/** The stretch of the log that was written under one master. */
export interface EpochEntry {
  epoch: number;
  startOffset: number;
  /** Exclusive; Long.MAX_VALUE (read as 2^53 - 1) while it grows. */
  endOffset: number;
}

export const epochEntry = body<EpochEntry>("EpochEntry", {
  epoch: or(int, 0),
  startOffset: or(long, 0),
  endOffset: or(long, Number.MAX_SAFE_INTEGER),
});

/** Answer of GET_BROKER_EPOCH_CACHE. */
export interface EpochEntryCache {
  clusterName: string;
  brokerName: string;
  brokerId: number;
  epochList: EpochEntry[];
  maxOffset: number;
}

export const epochEntryCache = body<EpochEntryCache>("EpochEntryCache", {
  clusterName: or(text, ""),
  brokerName: or(text, ""),
  brokerId: or(long, 0),
  epochList: list(epochEntry),
  maxOffset: or(long, 0),
});

export interface BrokerSyncInfo {
  masterHaAddress?: string | undefined;
  masterFlushOffset: number;
  masterAddress?: string | undefined;
}

export const brokerSyncInfo = body<BrokerSyncInfo>("BrokerSyncInfo", {
  masterHaAddress: maybe(text),
  masterFlushOffset: or(long, 0),
  masterAddress: maybe(text),
});
