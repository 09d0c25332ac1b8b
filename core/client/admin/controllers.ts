/** Controllers, and the replication that they watch over. */
import {
  type BrokerReplicasInfo,
  brokerReplicasInfo,
  electMasterResponseBody,
  syncStateDataRequestBody,
} from "../../../wire/bodies/controller.ts";
import { type EpochEntryCache, epochEntryCache, type HARuntimeInfo, haRuntimeInfo } from "../../../wire/bodies/ha.ts";
import type { BrokerMemberGroup } from "../../../wire/bodies/route.ts";
import type { ElectMasterResponseHeader, GetMetaDataResponseHeader } from "../../../wire/headers/controller.ts";
import type { Properties } from "../../properties.ts";
import { MQClientError } from "../errors.ts";
import { type AdminCalls, propertiesBody, propertiesOf } from "./admin_calls.ts";

export class ControllerAdmin {
  readonly #calls: AdminCalls;

  constructor(calls: AdminCalls) {
    this.#calls = calls;
  }

  /** Who leads the controllers. */
  async getControllerMetaData(controllerAddr: string): Promise<GetMetaDataResponseHeader> {
    return (await this.#calls.call("find the leading controller", controllerAddr, "CONTROLLER_GET_METADATA_INFO", {})).header;
  }

  /** Masters and their replicas, in sync and not; asked of the leader. @param controllerAddr any controller */
  async getInSyncStateData(controllerAddr: string, brokerNames: readonly string[]): Promise<BrokerReplicasInfo> {
    const body = syncStateDataRequestBody.encode([...brokerNames]);
    const tried = `read the replicas of ${brokerNames.join(", ")}`;
    const leader = await this.#leaderOf(controllerAddr);
    const answer = await this.#calls.call(tried, leader, "CONTROLLER_GET_SYNC_STATE_DATA", {}, { body });
    return answer.read(brokerReplicasInfo);
  }

  /** Lets the leader make this broker the master. @param controllerAddr any controller */
  async electMaster(
    controllerAddr: string,
    clusterName: string,
    brokerName: string,
    brokerId: number,
  ): Promise<{ header: ElectMasterResponseHeader; members: BrokerMemberGroup | undefined }> {
    const header = {
      clusterName,
      brokerName,
      brokerId,
      designateElect: true,
      invokeTime: this.#calls.client.runtime.clock.now(),
    };
    const tried = `make broker ${brokerId} the master of "${brokerName}"`;
    const leader = await this.#leaderOf(controllerAddr);
    const answer = await this.#calls.call(tried, leader, "CONTROLLER_ELECT_MASTER", header);
    const members = answer.body.length === 0 ? undefined : answer.read(electMasterResponseBody).brokerMemberGroup;
    return { header: answer.header, members };
  }

  /**
   * Lets the leader forget replicas. @param controllerAddr any controller
   * @param brokerIdsToClean joined by `;`; all of the broker name's unless given. @param isCleanLivingBroker those alive too
   */
  async cleanControllerBrokerData(
    controllerAddr: string,
    clusterName: string | undefined,
    brokerName: string,
    brokerIdsToClean: string | undefined,
    isCleanLivingBroker: boolean,
  ): Promise<void> {
    const header = {
      clusterName,
      brokerName,
      brokerControllerIdsToClean: brokerIdsToClean,
      isCleanLivingBroker,
      invokeTime: this.#calls.client.runtime.clock.now(),
    };
    const leader = await this.#leaderOf(controllerAddr);
    await this.#calls.call(`let the controllers forget "${brokerName}"`, leader, "CLEAN_BROKER_DATA", header);
  }

  /** By address. */
  async getControllerConfig(controllerAddrs: readonly string[]): Promise<Map<string, Map<string, string>>> {
    const answers = controllerAddrs.map(async (address) => {
      const answer = await this.#calls.call("read the configuration of a controller", address, "GET_CONTROLLER_CONFIG", {});
      return [address, answer.read({ decode: propertiesOf })] as const;
    });
    return new Map(await Promise.all(answers));
  }

  async updateControllerConfig(
    properties: Properties | Readonly<Record<string, string>>,
    controllerAddrs: readonly string[],
  ): Promise<void> {
    const body = propertiesBody(properties);
    const tried = "change the configuration of a controller";
    await Promise.all(
      controllerAddrs.map((address) => this.#calls.call(tried, address, "UPDATE_CONTROLLER_CONFIG", {}, { body })),
    );
  }

  // ----------------------------------------------------------------------------------------------- brokers' replication

  /** What a master knows of its slaves, or a slave of its master. */
  async getBrokerHAStatus(brokerAddr: string): Promise<HARuntimeInfo> {
    return (await this.#calls.call("read the replication", brokerAddr, "GET_BROKER_HA_STATUS", {})).read(haRuntimeInfo);
  }

  /** Under which masters a broker's log was written. */
  async getBrokerEpochCache(brokerAddr: string): Promise<EpochEntryCache> {
    return (await this.#calls.call("read the epochs", brokerAddr, "GET_BROKER_EPOCH_CACHE", {})).read(epochEntryCache);
  }

  /** @throws MQClientError kind no-route while the controllers have no leader */
  async #leaderOf(controllerAddr: string): Promise<string> {
    const { controllerLeaderAddress } = await this.getControllerMetaData(controllerAddr);
    if (controllerLeaderAddress) return controllerLeaderAddress;
    throw new MQClientError(
      "no-route",
      `The controllers have no leader, says ${controllerAddr}: try again when they have elected one`,
    );
  }
}
