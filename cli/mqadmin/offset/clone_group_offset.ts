/** cloneGroupOffset: a group goes on where another one is. */
import { MASTER_ID } from "../../../wire/mix_all.ts";
import { command, optional, required } from "../declaration.ts";

export const cloneGroupOffset = command({
  name: "cloneGroupOffset",
  package: "offset",
  description: "Clone offset from other group.",
  options: {
    srcGroup: required("s", "set source consumer group"),
    destGroup: required("d", "set destination consumer group"),
    topic: required("t", "set the topic"),
    offline: optional("o", "the group or the topic is offline"),
  },
  example: "-n 127.0.0.1:9876 -s orders -d orders-2 -t TopicTest",
  async run(context, { srcGroup, destGroup, topic }) {
    const { topics, consumeStats, offsets } = context.admin;
    // As Apache: all that the group has consumed of, on the brokers of this topic.
    const { offsetTable } = await consumeStats.examineConsumeStats(srcGroup);
    const route = await topics.examineTopicRouteInfo(topic);
    const addresses = new Map(
      route.brokerDatas.map(({ brokerName, brokerAddrs }) => [
        brokerName,
        brokerAddrs.get(MASTER_ID) ?? [...brokerAddrs.values()][0],
      ]),
    );
    const cloned = [];
    for (const [queue, { consumerOffset }] of offsetTable) {
      const address = addresses.get(queue.brokerName);
      if (address === undefined || consumerOffset < 0) continue;
      await offsets.updateConsumeOffset(address, destGroup, queue, consumerOffset);
      cloned.push({ ...queue, offset: consumerOffset });
    }
    context.print(`clone group offset success. srcGroup[${srcGroup}], destGroup=[${destGroup}], topic[${topic}]`);
    return cloned;
  },
});
