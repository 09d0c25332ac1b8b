/** updateStaticTopic, remappingStaticTopic: static topics made, widened, and their queues moved between brokers. */
import { MQBrokerError } from "../../../core/client/mod.ts";
import {
  type TopicConfigAndQueueMapping,
  type TopicRemappingDetailWrapper,
  topicRemappingDetailWrapper,
} from "../../../wire/bodies/static_topic.ts";
import { WireError } from "../../../wire/errors.ts";
import { MASTER_ID } from "../../../wire/mix_all.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import type { CommandContext } from "../context.ts";
import { CommandError, command, optional, required } from "../declaration.ts";
import { readText, writeText } from "../files.ts";
import { integer, isTrue } from "../values.ts";
import { agreedEpoch, checkPlan, createPlan, emptyMapping, nextLogicOffset, remappingPlan } from "./static_mapping.ts";

const options = {
  clusters: optional("c", "remapping static topic to clusters, comma separated"),
  brokers: optional("b", "remapping static topic to brokers, comma separated"),
  topic: required("t", "topic name"),
  mapFile: optional("mf", "The mapping data file name"),
  forceReplace: optional("fr", "Force replace the old mapping"),
};

export const updateStaticTopic = command({
  name: "updateStaticTopic",
  package: "topic",
  description: "Update or create static topic, which has fixed number of queues.",
  options: { ...options, totalQueueNum: required("qn", "total queue num") },
  oneOf: ["brokers", "clusters"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -t StaticTopic -qn 8",
  async run(context, given) {
    const { topic } = given;
    const plan = given.mapFile === undefined ? await newPlan() : planFile(context, topic, given.mapFile);
    await completeCluster(context, plan);
    const masters = await mastersOf(context);
    for (const broker of plan.brokerConfigMap.keys()) await put(context, masters, plan, broker, false);
    return plan;

    async function newPlan(): Promise<TopicRemappingDetailWrapper> {
      const targets = await targetsOf(context, given);
      const before = await mappingsOf(context, topic);
      const { epoch } = before.size === 0 ? { epoch: context.now() } : agreedEpoch(topic, before);
      writePlan(context, "old", { ...planOf(topic, before), epoch }, ".before");
      const all = new Set([...targets, ...before.keys()]);
      const made = createPlan(topic, integer(given.totalQueueNum, "totalQueueNum", 1), all, before, context.now());
      writePlan(context, "new", made, ".after");
      return made;
    }
  },
});

export const remappingStaticTopic = command({
  name: "remappingStaticTopic",
  package: "topic",
  description: "Remapping static topic.",
  options,
  oneOf: ["brokers", "clusters"],
  example: "-n 127.0.0.1:9876 -b broker-a,broker-b -t StaticTopic",
  async run(context, given) {
    const { topic } = given;
    const plan = given.mapFile === undefined ? await newPlan() : planFile(context, topic, given.mapFile);
    await completeCluster(context, plan);
    await remap(context, plan, isTrue(given.forceReplace));
    return plan;

    async function newPlan(): Promise<TopicRemappingDetailWrapper> {
      const targets = await targetsOf(context, given);
      const masters = await mastersOf(context);
      for (const broker of targets) masterOf(masters, broker);
      const before = await mappingsOf(context, topic);
      if (before.size === 0) throw new CommandError(`No topic route to do the remapping: no broker has ${topic}`);
      writePlan(context, "old", { ...planOf(topic, before), epoch: agreedEpoch(topic, before).epoch }, ".before");
      const made = remappingPlan(topic, targets, before, context.now());
      writePlan(context, "new", made, ".after");
      return made;
    }
  },
});

/** Brokers by name, of -b, or all of the clusters of -c. @throws CommandError */
async function targetsOf(
  context: CommandContext,
  { brokers, clusters }: { brokers: string | undefined; clusters: string | undefined },
): Promise<Set<string>> {
  const split = (text: string) => text.split(",").map((each) => each.trim());
  if (brokers !== undefined) return new Set(split(brokers));
  const { clusterAddrTable } = await context.admin.clusters.examineBrokerClusterInfo();
  const names = split(clusters ?? "").flatMap((cluster) => [...(clusterAddrTable.get(cluster) ?? [])]);
  if (names.length > 0) return new Set(names);
  throw new CommandError(`Find none brokers, do nothing: ${context.namesrvAddrs.join(";")} knows no cluster ${clusters}`);
}

async function mastersOf(context: CommandContext): Promise<Map<string, string>> {
  const { brokerAddrTable } = await context.admin.clusters.examineBrokerClusterInfo();
  const pairs = [...brokerAddrTable].map(([name, { brokerAddrs }]): [string, string | undefined] => [
    name,
    brokerAddrs.get(MASTER_ID),
  ]);
  return new Map(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

function masterOf(masters: ReadonlyMap<string, string>, broker: string): string {
  const address = masters.get(broker);
  if (address !== undefined) return address;
  throw new CommandError(`Can't find addr for broker ${broker}`);
}

/** What every broker has of the topic; a broker without it has no entry. */
async function mappingsOf(context: CommandContext, topic: string): Promise<Map<string, TopicConfigAndQueueMapping>> {
  const mappings = new Map<string, TopicConfigAndQueueMapping>();
  for (const [broker, address] of await mastersOf(context)) {
    try {
      mappings.set(broker, await context.admin.topics.examineTopicConfig(address, topic));
    } catch (fault) {
      if (!(fault instanceof MQBrokerError) || fault.responseCode !== ResponseCode.TOPIC_NOT_EXIST) throw fault;
    }
  }
  return mappings;
}

const planOf = (topic: string, brokerConfigMap: Map<string, TopicConfigAndQueueMapping>): TopicRemappingDetailWrapper => ({
  topic,
  type: "CREATE_OR_UPDATE",
  epoch: 0,
  brokerConfigMap,
  brokerToMapIn: new Set(),
  brokerToMapOut: new Set(),
});

/** Before and after lie in files, so that what went wrong half-way can be put right by -mf. */
function writePlan(context: CommandContext, which: "old" | "new", plan: TopicRemappingDetailWrapper, suffix: string): void {
  const directory = context.environment("TMPDIR") ?? "/tmp";
  const path = `${directory}/${plan.topic}-${plan.epoch}${suffix}`;
  const mends = "Nothing was changed for want of this file: set TMPDIR to a directory that this user may write";
  writeText(context, path, topicRemappingDetailWrapper.format(plan), mends);
  context.print(`The ${which} mapping data is written to file ${path}`);
}

function planFile(context: CommandContext, topic: string, path: string): TopicRemappingDetailWrapper {
  let plan: TopicRemappingDetailWrapper;
  try {
    plan = topicRemappingDetailWrapper.parse(readText(context, path));
  } catch (fault) {
    if (!(fault instanceof WireError)) throw fault;
    throw new CommandError(`Cannot read ${path}, which is to be a mapping as these commands write it: ${fault.message}`);
  }
  checkPlan(topic, plan.brokerConfigMap);
  return plan;
}

/** Brokers of the same clusters that have no part in the topic are told so, too. */
async function completeCluster(context: CommandContext, plan: TopicRemappingDetailWrapper): Promise<void> {
  const { clusterAddrTable } = await context.admin.clusters.examineBrokerClusterInfo();
  const { epoch, totalQueues } = agreedEpoch(plan.topic, plan.brokerConfigMap);
  const parts = [...plan.brokerConfigMap.keys()];
  for (const names of clusterAddrTable.values()) {
    if (!parts.some((broker) => names.has(broker))) continue;
    for (const broker of names) {
      if (!plan.brokerConfigMap.has(broker))
        plan.brokerConfigMap.set(broker, emptyMapping(plan.topic, broker, totalQueues, epoch));
    }
  }
}

async function put(
  context: CommandContext,
  masters: ReadonlyMap<string, string>,
  { brokerConfigMap }: TopicRemappingDetailWrapper,
  broker: string,
  force: boolean,
): Promise<void> {
  const { mappingDetail, ...config } = brokerConfigMap.get(broker) as TopicConfigAndQueueMapping;
  if (mappingDetail === undefined) throw new CommandError(`Mapping info should not be null in broker ${broker}`);
  await context.admin.staticTopics.createStaticTopic(masterOf(masters, broker), config, mappingDetail, force);
}

/**
 * New leaders first, so that messages have somewhere to go; then the old ones, which refuse from here on; then, from where the
 * old queues ended, the offset at which the new ones go on; then everybody else.
 */
async function remap(context: CommandContext, plan: TopicRemappingDetailWrapper, force: boolean): Promise<void> {
  const masters = await mastersOf(context);
  for (const broker of plan.brokerConfigMap.keys()) masterOf(masters, broker);
  const steps = [...plan.brokerToMapIn, ...plan.brokerToMapOut];
  for (const [i, broker] of steps.entries()) {
    context.output.progress(`broker ${i + 1} of ${steps.length}`);
    await put(context, masters, plan, broker, force);
  }
  for (const broker of plan.brokerToMapOut) await decideOffsets(context, masterOf(masters, broker), broker, plan);
  for (const broker of plan.brokerToMapIn) await put(context, masters, plan, broker, force);
  for (const broker of plan.brokerConfigMap.keys()) {
    if (!plan.brokerToMapIn.has(broker) && !plan.brokerToMapOut.has(broker)) await put(context, masters, plan, broker, force);
  }
}

async function decideOffsets(
  context: CommandContext,
  address: string,
  broker: string,
  { topic, brokerConfigMap }: TopicRemappingDetailWrapper,
): Promise<void> {
  const { offsetTable } = await context.admin.topics.examineTopicStatsAt(address, topic);
  for (const [id, items] of brokerConfigMap.get(broker)?.mappingDetail?.hostedQueues ?? []) {
    const [old, leader] = items.slice(-2);
    if (old === undefined || leader === undefined || leader.logicOffset > 0) continue;
    const bounds = offsetTable.find(([queue]) => queue.brokerName === old.bname && queue.queueId === old.queueId)?.[1];
    if (bounds === undefined) throw new CommandError(`Cannot get the max offset for old leader ${old.bname}-${old.queueId}`);
    leader.logicOffset = nextLogicOffset(old, bounds.maxOffset);
    brokerConfigMap.get(leader.bname)?.mappingDetail?.hostedQueues.set(id, items);
  }
}
