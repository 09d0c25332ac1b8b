/** That `Admin` has every operation of Java's `MQAdminExt` 5.5.0, by name; where it has another name, which and why. */
import { expect, test } from "bun:test";
import { Admin } from "../../core/client/mod.ts";
import { withRocketMQ } from "./harness.ts";

/** As `javap org.apache.rocketmq.tools.admin.MQAdminExt org.apache.rocketmq.client.MQAdmin` lists them. */
const OPERATIONS = `
addBrokerToContainer removeBrokerFromContainer updateBrokerConfig getBrokerConfig createAndUpdateTopicConfig
createAndUpdateTopicConfigList createAndUpdateSubscriptionGroupConfig createAndUpdateSubscriptionGroupConfigList
examineSubscriptionGroupConfig examineTopicStats examineTopicStatsConcurrent fetchAllTopicList fetchBrokerRuntimeStats
examineConsumeStats checkRocksdbCqWriteProgress examineConsumeStatsConcurrent examineBrokerClusterInfo examineTopicRouteInfo
examineConsumerConnectionInfo examineProducerConnectionInfo getAllProducerInfo getNameServerAddressList wipeWritePermOfBroker
addWritePermOfBroker getKVConfig getKVListByNamespace deleteTopic deleteTopicInBroker deleteTopicInBrokerConcurrent
deleteTopicInNameServer deleteSubscriptionGroup createAndUpdateKvConfig deleteKvConfig resetOffsetByTimestampOld
resetOffsetByTimestamp resetOffsetNew resetOffsetNewConcurrent getConsumeStatus createOrUpdateOrderConf queryTopicConsumeByWho
queryTopicsByConsumer queryTopicsByConsumerConcurrent querySubscription queryConsumeTimeSpan queryConsumeTimeSpanConcurrent
cleanExpiredConsumerQueue cleanExpiredConsumerQueueByAddr deleteExpiredCommitLog deleteExpiredCommitLogByAddr cleanUnusedTopic
cleanUnusedTopicByAddr getConsumerRunningInfo consumeMessageDirectly messageTrackDetail cloneGroupOffset viewBrokerStatsData
fetchConsumeStatsInBroker getTopicClusterList getAllSubscriptionGroup getUserSubscriptionGroup getAllTopicConfig
getUserTopicConfig updateConsumeOffset updateNameServerConfig getNameServerConfig queryConsumeQueue exportRocksDBConfigToJson
resumeCheckHalfMessage setMessageRequestMode searchOffset resetOffsetByQueueId examineTopicConfig createStaticTopic
updateAndGetGroupReadForbidden queryMessage getBrokerHAStatus getInSyncStateData getBrokerEpochCache getControllerMetaData
resetMasterFlushOffset getControllerConfig updateControllerConfig electMaster cleanControllerBrokerData
updateColdDataFlowCtrGroupConfig removeColdDataFlowCtrGroupConfig getColdDataFlowCtrInfo setCommitLogReadAheadMode createUser
updateUser deleteUser getUser listUser createAcl updateAcl deleteAcl getAcl listAcl exportPopRecords switchTimerEngine
getBrokerLiteInfo getParentTopicInfo getLiteTopicInfo getLiteClientInfo getLiteGroupInfo triggerLiteDispatch createTopic
maxOffset minOffset earliestMsgStoreTime viewMessage`
  .trim()
  .split(/\s+/);

/** Under another name. */
const RENAMED: Readonly<Record<string, string>> = {
  fetchTopicsByCLuster: "fetchTopicsByCluster",
  // Empty in Java: it does nothing.
  putKVConfig: "createAndUpdateKvConfig",
  // Java's always answers with an empty set.
  getClusterList: "getTopicClusterList",
  // All groups are asked for at once in any case.
  messageTrackDetailConcurrent: "messageTrackDetail",
};

test("every operation of MQAdminExt is there, in one subject", () =>
  withRocketMQ(async (rocketmq) => {
    const admin = new Admin(rocketmq.client());
    const subjects = Object.values(admin).filter((each) => each !== admin.client) as object[];
    const methods = [admin, ...subjects].flatMap((each) => Object.getOwnPropertyNames(Object.getPrototypeOf(each) as object));
    const missing = [...OPERATIONS, ...Object.values(RENAMED)].filter((name) => !methods.includes(name));
    expect(missing).toEqual([]);
    await admin.close();
  }));
