/** Commands of the packages topic, consumer, broker, cluster, connection, producer, stats, namesrv, queue. */
import { type CompareCase, NUMBERS, TIMES } from "./case.ts";
import { exportCases, messageCases } from "./message_cases.ts";

/** Where a mapping is written: the topic's name and a time. */
const FILES = [/static-[ab]-\d{13}/];

const made = "updateTopic -b {addr} -t {prefix}-made -r 3 -w 3";
const madeGroup = "updateSubGroup -b {addr} -g {prefix}-made";

export const cases: readonly CompareCase[] = [
  ...exportCases,

  // topic
  { words: "updateTopic -b {addr} -t {prefix}-t1 -r 3 -w 4 -p 6 -a +message.type=NORMAL" },
  { words: "updateTopic -c DefaultCluster -t {prefix}-t2 -r 4 -w 4 -o true" },
  { words: "updateTopic -b {addr} -t {prefix}-t3 -u true -s true" },
  // Apache's fails where the topic has no order yet; ours begins one.
  { words: "updateTopic -b {addr} -t {prefix}-t2 -o true" },
  { words: "updateTopic -c NoCluster -t {prefix}-t4", fails: 2 },
  { words: "updateTopic -b 127.0.0.1:1 -t {prefix}-t4", fails: 3 },
  { words: "updateTopicList -b {addr} -f {topicsFile}" },
  { words: "updateTopicPerm -b {addr} -t {prefix}-made -p 4", before: [made] },
  { words: "updateTopicPerm -b {addr} -t {topic} -p 6" },
  { words: "updateTopicPerm -c DefaultCluster -t {prefix}-made -p 2", before: [made] },
  { words: "deleteTopic -c DefaultCluster -t {prefix}-made", before: [made] },
  { words: "topicRoute -t {topic}" },
  { words: "topicRoute -t {topic} -l" },
  { words: "topicRoute -t {prefix}-none", fails: 2 },
  // Apache's forgets to add the rates up, and always says 0.0.
  { words: "topicStatus -t {topic}", mask: [/TPS: .*/] },
  { words: "topicStatus -t {topic} -c DefaultCluster", mask: [/TPS: .*/] },
  { words: "topicClusterList -t {topic}" },
  { words: "topicList", unordered: true },
  { words: "topicList -c", unordered: true },
  { words: "updateOrderConf -t {prefix}-made -m put -v broker-a:4" },
  { words: "updateOrderConf -t {prefix}-t2 -m get" },
  { words: "updateOrderConf -t {prefix}-made -m delete", before: ["updateOrderConf -t {prefix}-made -m put -v broker-a:4"] },
  { words: "allocateMQ -t {topic} -i 10.0.0.1,10.0.0.2,10.0.0.3", json: true },
  { words: "updateStaticTopic -c DefaultCluster -t {prefix}-static-{side} -qn 4", mask: FILES },
  { words: "updateStaticTopic -b broker-a -t {prefix}-static-{side} -qn 6", mask: FILES },
  { words: "updateStaticTopic -b broker-a -t {prefix}-static-{side} -qn 2", fails: 2 },
  // Apache's calls the new mapping old here.
  { words: "remappingStaticTopic -c DefaultCluster -t {prefix}-static-{side}", mask: [...FILES, /The (?:old|new)/] },
  { words: "topicRoute -t {prefix}-static-{side}", mask: [/static-[ab]/, /"epoch":\d+/] },

  // consumer
  { words: "updateSubGroup -b {addr} -g {prefix}-g1 -s true -m true -d true -o true -q 2 -r 5 -i 0 -w 1 -a true" },
  {
    words:
      'updateSubGroup -c DefaultCluster -g {prefix}-g2 -p {"type":"EXPONENTIAL","exponentialRetryPolicy":{"initial":1000,"max":60000,"multiplier":3}}',
  },
  { words: 'updateSubGroup -b {addr} -g {prefix}-g3 -p {"type":"CUSTOMIZED","customizedRetryPolicy":{"next":[1000,5000]}}' },
  { words: "updateSubGroup -b {addr} -g {prefix}-g4 --attributes +priority.factor=50" },
  { words: "updateSubGroupList -b {addr} -f {groupsFile}" },
  { words: "getConsumerConfig -g {prefix}-g1" },
  { words: "getConsumerConfig -g {prefix}-g2" },
  { words: "deleteSubGroup -b {addr} -g {prefix}-made -r true", before: [madeGroup] },
  { words: "deleteSubGroup -c DefaultCluster -g {prefix}-made", before: [madeGroup] },
  { words: "setConsumeMode -b {addr} -t {topic} -g {prefix}-g1 -m POP -q 4" },
  { words: "setConsumeMode -c DefaultCluster -t {topic} -g {prefix}-g1 -m PULL" },
  { words: "consumerProgress", unordered: true, mask: [/\d+ +\d+ *$/gm] },
  { words: "consumerProgress -g {group}", mask: [/TPS: .*/] },
  { words: "consumerProgress -g {group} -t {topic} -s true", mask: [/TPS: .*/] },
  { words: "consumerProgress -g {prefix}-nobody", fails: 2 },
  { words: "consumerStatus -g {group}", mask: [/\d{13}\//g] },
  {
    words: "consumerStatus -g {group} -i {clientId}",
    unordered: true,
    mask: [/Timestamp=\d+/g, /-?\d+\.\d\d/g],
  },

  // connection, producer
  { words: "consumerConnection -g {group}", unordered: true },
  { words: "consumerConnection -g {group} -b {addr}", unordered: true },
  { words: "consumerConnection -g {prefix}-nobody", fails: 2 },
  { words: "producerConnection -g {producers} -t {topic}" },
  { words: "producer -b {addr}", unordered: true, mask: [/lastUpdateTimestamp=\d+/g], only: /\({producers}\)/ },

  // broker
  { words: "brokerStatus -b {addr}", mask: [/: .*/g] },
  { words: "brokerStatus -c DefaultCluster", mask: [/: .*/g] },
  { words: "getBrokerConfig -b {addr}", unordered: true },
  { words: "getBrokerConfig -c DefaultCluster", unordered: true },
  { words: "updateBrokerConfig -b {addr} -k deleteWhen -v 05" },
  { words: "updateBrokerConfig -c DefaultCluster -k deleteWhen -v 04 -a true" },
  { words: "updateBrokerConfig -b {addr} -k brokerConfigPath -v x", fails: 2 },
  { words: "brokerConsumeStats -b {addr}", unordered: true },
  { words: "brokerConsumeStats -b {addr} -l 1000" },
  { words: "cleanExpiredCQ -b {addr}" },
  { words: "cleanExpiredCQ -c DefaultCluster" },
  { words: "cleanUnusedTopic -b {addr}" },
  { words: "cleanUnusedTopic" },
  { words: "deleteExpiredCommitLog -b {addr}" },
  { words: "updateColdDataFlowCtrGroupConfig -b {addr} -g {prefix}-cold -v 4194304" },
  { words: "getColdDataFlowCtrInfo -b {addr}", unordered: true },
  { words: "getColdDataFlowCtrInfo -c DefaultCluster", unordered: true },
  { words: "removeColdDataFlowCtrGroupConfig -c DefaultCluster -g {prefix}-cold" },
  { words: "sendMsgStatus -b broker-a -s 64 -c 2", mask: [/rt=\d+/g, /[Ii]d=[0-9A-F]+/g, /queueId=\d+/g, /queueOffset=\d+/g] },
  { words: "setCommitLogReadAheadMode -b {addr} -m 1" },
  { words: "setCommitLogReadAheadMode -c DefaultCluster -m 0" },
  { words: "resetMasterFlushOffset -b {addr} -o 0" },
  { words: "switchTimerEngine -b {addr} -e F" },
  { words: "switchTimerEngine -c DefaultCluster -e F" },
  { words: "switchTimerEngine -b {addr} -e R", fails: 2 },
  // It is one of brokers under a controller.
  { words: "getBrokerEpoch -c DefaultCluster", target: "apache", fails: 2 },
  { words: "checkRocksdbCqWriteProgress -c DefaultCluster -t {topic}" },

  // cluster
  { words: "clusterList", mask: [NUMBERS, / +/g] },
  { words: "clusterList -m", mask: [NUMBERS] },
  { words: "clusterList -c DefaultCluster", mask: [NUMBERS, / +/g] },

  // stats
  // Brokers add up what came and went every ten seconds; with -a a topic that had nothing until then is left out.
  { words: "statsAll -t {topic}", moves: true, mask: [/\d+\.\d\d/g] },
  { words: "statsAll -a", moves: true, unordered: true, mask: [NUMBERS, / +/g] },

  // namesrv
  { words: "getNamesrvConfig", unordered: true },
  { words: "updateNamesrvConfig -k waitSecondsForService -v 46" },
  { words: "updateKvConfig -s {prefix}-space -k key -v value" },
  { words: "deleteKvConfig -s {prefix}-space -k key" },
  { words: "wipeWritePerm -b broker-a", before: ["addWritePerm -b broker-a"] },
  { words: "addWritePerm -b broker-a", before: ["wipeWritePerm -b broker-a"] },

  // queue
  { words: "queryCq -t {topic} -q 0 -i 0 -c 2" },
  { words: "queryCq -t {topic} -q 0 -i 0 -c 2 -b {addr} -g {group}", mask: [/"subVersion":\d+/g, TIMES] },

  // lite
  { words: "getBrokerLiteInfo -b {addr} -d" },
  { words: "getBrokerLiteInfo -c DefaultCluster" },
  { words: "getParentTopicInfo -p {parent}" },
  { words: "getLiteTopicInfo -p {parent} -l lite-1 -s" },
  { words: "getLiteClientInfo -p {parent} -g {liteGroup} -c nobody -s" },
  { words: "getLiteGroupInfo -p {parent} -g {liteGroup} -k 3", mask: [/\d{13} \(\d+ s/] },
  { words: "getLiteGroupInfo -p {parent} -g {liteGroup} -l lite-1", mask: [/\d{13} \(\d+ s/] },
  { words: "triggerLiteDispatch -p {parent} -g {liteGroup}" },

  ...messageCases,
];
