/** Who is master, and which replicas are in sync, as the controller keeps it. */
import { body, bodyOf, bool, int, list, listOf, long, map, maybe, or, set, text } from "../body.ts";
import { type BrokerMemberGroup, brokerMemberGroup } from "./route.ts";

/** Replicas (broker ids) that a new master may be chosen from. */
export interface SyncStateSet {
  syncStateSet: Set<number>;
  syncStateSetEpoch: number;
}

export const syncStateSet = body<SyncStateSet>("SyncStateSet", {
  syncStateSet: set(long),
  syncStateSetEpoch: or(int, 0),
});

export interface ElectMasterResponseBody {
  brokerMemberGroup?: BrokerMemberGroup | undefined;
  syncStateSet: Set<number>;
}

export const electMasterResponseBody = body<ElectMasterResponseBody>("ElectMasterResponseBody", {
  brokerMemberGroup: maybe(brokerMemberGroup),
  syncStateSet: set(long),
});

export interface RoleChangeNotifyEntry {
  brokerMemberGroup?: BrokerMemberGroup | undefined;
  masterAddress?: string | undefined;
  /** Absent: there is no master. */
  masterBrokerId?: number | undefined;
  masterEpoch: number;
  syncStateSetEpoch: number;
  syncStateSet: Set<number>;
}

export const roleChangeNotifyEntry = body<RoleChangeNotifyEntry>("RoleChangeNotifyEntry", {
  brokerMemberGroup: maybe(brokerMemberGroup),
  masterAddress: maybe(text),
  masterBrokerId: maybe(long),
  masterEpoch: or(int, 0),
  syncStateSetEpoch: or(int, 0),
  syncStateSet: set(long),
});

export interface ReplicaIdentity {
  brokerName: string;
  brokerId: number;
  brokerAddress: string;
  alive: boolean;
}

export const replicaIdentity = body<ReplicaIdentity>("ReplicaIdentity", {
  brokerName: or(text, ""),
  brokerId: or(long, 0),
  brokerAddress: or(text, ""),
  alive: or(bool, false),
});

export interface ReplicasInfo {
  masterBrokerId?: number | undefined;
  masterAddress?: string | undefined;
  masterEpoch?: number | undefined;
  syncStateSetEpoch?: number | undefined;
  inSyncReplicas: ReplicaIdentity[];
  notInSyncReplicas: ReplicaIdentity[];
}

export const replicasInfo = body<ReplicasInfo>("ReplicasInfo", {
  masterBrokerId: maybe(long),
  masterAddress: maybe(text),
  masterEpoch: maybe(int),
  syncStateSetEpoch: maybe(int),
  inSyncReplicas: list(replicaIdentity),
  notInSyncReplicas: list(replicaIdentity),
});

/** Answer of CONTROLLER_GET_SYNC_STATE_DATA, by broker name. */
export interface BrokerReplicasInfo {
  replicasInfoTable: Map<string, ReplicasInfo>;
}

export const brokerReplicasInfo = body<BrokerReplicasInfo>("BrokerReplicasInfo", { replicasInfoTable: map(replicasInfo) });

/** Body of CONTROLLER_GET_SYNC_STATE_DATA: the broker names that are asked for. */
export const syncStateDataRequestBody = bodyOf("broker names", listOf(text));
