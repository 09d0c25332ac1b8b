/** Cases of the packages message, offset, export, ha, controller, container, metadata and auth. */
import type { CompareCase } from "./case.ts";

/** Who has consumed a message: in any order, and the group's offset moves meanwhile. */
const TRACKS = /MessageTrack \[.*$/gm;

/** A user without an access list: it goes with its user. */
const ANEW = ["deleteUser -b {addr} -u {prefix}-alice", "createUser -b {addr} -u {prefix}-alice -p 12345678 -t Normal"];

/** To be run before there are static topics: Apache's tool can't list the topics of a broker that has one. */
export const exportCases: readonly CompareCase[] = [
  {
    words: "exportMetadata -c DefaultCluster -f {exports}",
    file: "{exports}/metadata.json",
    mask: [/"exportTime":\d+/],
  },
  { words: "exportMetadata -b {addr} -t -f {exports}", file: "{exports}/topic.json" },
  { words: "exportMetadata -b {addr} -g -f {exports}", file: "{exports}/subscriptionGroup.json" },
  { words: "exportConfigs -c DefaultCluster -f {exports}", file: "{exports}/configs.json" },
  {
    words: "exportMetrics -c DefaultCluster -f {exports}",
    file: "{exports}/metrics.json",
    mask: [/\d+\.\d+/g, /"tps":\{[^}]*\}/g, /"totalTps":\{[^}]*\}/g, /"oneDayNum":\{[^}]*\}/g, /"totalOneDayNum":\{[^}]*\}/g],
  },
];

export const messageCases: readonly CompareCase[] = [
  // message
  { words: "queryMsgById -t {topic} -i {msgId}", unordered: true, mask: [TRACKS] },
  { words: "queryMsgById -t {topic} -i {offsetMsgId} -f UTF-8", unordered: true, mask: [TRACKS] },
  { words: "queryMsgById -t {topic} -i {msgId} -g {group} -d {clientId}", mask: [/spentTimeMills=\d+/] },
  { words: "queryMsgByKey -t {topic} -k key-3" },
  { words: "queryMsgByKey -t {topic} -k TagA -p T", unordered: true },
  { words: "queryMsgByKey -t {topic} -k nobody", fails: 2 },
  { words: "queryMsgByKey -t {topic} -k key-3 -p X", fails: 1 },
  { words: "queryMsgByUniqueKey -t {topic} -i {msgId}", mask: [TRACKS] },
  { words: "queryMsgByUniqueKey -t {topic} -i {msgId} -a -s 0 -e 9223372036854775807", mask: [TRACKS] },
  { words: "queryMsgByOffset -t {topic} -b broker-a -i 0 -o 1", unordered: true, mask: [TRACKS] },
  { words: "queryMsgTraceById -i {msgId}" },
  { words: "printMsg -t {topic}", unordered: true },
  { words: "printMsg -t {topic} -s TagB -d false", unordered: true },
  { words: "printMsg -t {topic} -b 2100-01-01#00:00:00:000", unordered: true },
  { words: "printMsgByQueue -t {topic} -a broker-a -i 0 -p true -d true -f true" },
  { words: "printMsgByQueue -t {topic} -a broker-a -i 1" },
  { words: "consumeMessage -t {topic} -b broker-a -i 0 -o 1 -c 2" },
  { words: "consumeMessage -t {topic}", unordered: true },
  { words: "sendMessage -t {topic} -p hello -k k1 -c TagZ", mask: [/broker-a +\d/g, /[0-9A-F]{32,56}/g] },
  { words: "sendMessage -t {topic} -p hello -b broker-a -i 1", mask: [/[0-9A-F]{32,56}/g] },
  { words: "checkMsgSendRT -t {topic} -a 3 -s 16", mask: [/\d+(\.\d+)?$/gm] },
  { words: "dumpCompactionLog -f {recordFile}" },

  // offset
  { words: "cloneGroupOffset -s {group} -d {prefix}-clone -t {topic}", before: ["updateSubGroup -b {addr} -g {prefix}-clone"] },
  { words: "resetOffsetByTime -g {group} -t {topic} -s now", unordered: true, mask: [/\d{13}/g] },
  { words: "resetOffsetByTime -g {group} -t {topic} -s 2020-01-31#09:00:00:000", unordered: true },
  { words: "resetOffsetByTime -g {group} -t {topic} -s now -b {addr} -q 0 -o 2", mask: [/\d{13}/g] },
  { words: "skipAccumulatedMessage -g {group} -t {topic}", unordered: true },
  { words: "resetOffsetByTime -g {group} -t {prefix}-nowhere -s now", fails: 2 },

  // ha
  { words: "haStatus -b {addr}" },
  { words: "haStatus -c DefaultCluster" },

  // auth
  {
    words: "createUser -b {addr} -u {prefix}-alice -p 12345678 -t Normal",
    before: ["deleteUser -b {addr} -u {prefix}-alice"],
  },
  { words: "createUser -c DefaultCluster -u {prefix}-bob -p 12345678", before: ["deleteUser -b {addr} -u {prefix}-bob"] },
  { words: "updateUser -b {addr} -u {prefix}-alice -s disable" },
  { words: "getUser -b {addr} -u {prefix}-alice" },
  { words: "getUser -c DefaultCluster -u {prefix}-nobody" },
  { words: "listUser -b {addr}", unordered: true },
  { words: "listUser -c DefaultCluster -f alice" },
  {
    words: "createAcl -b {addr} -s User:{prefix}-alice -r Topic:a,Group:g* -a Pub,Sub -i 192.168.0.0/16 -d Allow",
    before: ANEW,
  },
  { words: "updateAcl -c DefaultCluster -s User:{prefix}-alice -r Topic:a -a Sub -d Deny" },
  { words: "getAcl -b {addr} -s User:{prefix}-alice", unordered: true },
  { words: "listAcl -c DefaultCluster -s alice", unordered: true },
  { words: "listAcl -b {addr} -r nothing" },
  { words: "copyUser -f {addr} -t {addr} -u {prefix}-alice" },
  { words: "copyAcl -f {addr} -t {addr}" },
  {
    words: "deleteAcl -b {addr} -s User:{prefix}-alice -r Topic:a",
    before: [...ANEW, "createAcl -b {addr} -s User:{prefix}-alice -r Topic:a -a Pub -d Allow"],
  },
  { words: "deleteUser -c DefaultCluster -u {prefix}-bob" },

  // controller, container: asked of a broker, which is neither
  { words: "getControllerMetaData -a {addr}", fails: 2 },
  { words: "getControllerConfig -a {addr}", fails: 2 },
  { words: "updateControllerConfig -a {addr} -k a -v b", fails: 2 },
  { words: "electMaster -a {addr} -b 1 -bn broker-a -c DefaultCluster", fails: 2 },
  { words: "cleanBrokerMetadata -a {addr} -bn broker-a -l", fails: 2 },
  { words: "getSyncStateSet -a {addr} -b broker-a", fails: 2 },
  { words: "addBroker -c {addr} -b /nowhere", fails: 2 },
  { words: "removeBroker -c {addr} -b DefaultCluster:broker-a:0", fails: 2 },
];
