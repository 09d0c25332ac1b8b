package edgemq.interop;

import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * All that a broker serves of its store: every message of every queue with all its fields, every topic and every group. Two
 * images are compared across a change of the broker: what was there must still be there and be the same.
 */
final class StoreImage {
    /** Set by the client or by each pull, not part of what is stored. */
    private static final List<String> OF_THE_PULL = List.of("MIN_OFFSET", "MAX_OFFSET");

    /** "topic 0" to messages by queue offset. */
    final Map<String, TreeMap<Long, MessageExt>> queues = new TreeMap<>();
    private final Map<String, String> topics = new TreeMap<>();
    private final Map<String, String> groups = new TreeMap<>();

    private StoreImage() {}

    @SuppressWarnings("deprecation")
    static StoreImage read(Kit kit, DefaultMQPullConsumer puller) throws Exception {
        StoreImage image = new StoreImage();
        String addr = kit.settings().brokerAddr();
        Map<String, TopicConfig> configs = kit.admin().getAllTopicConfig(addr, 5000).getTopicConfigTable();
        for (Map.Entry<String, TopicConfig> entry : configs.entrySet()) {
            image.topics.put(entry.getKey(), entry.getValue().toString());
            // a topic for benchmarks, never used here, with 1,024 queues
            if (entry.getKey().equals("BenchmarkTest")) continue;
            for (int queue = 0; queue < entry.getValue().getWriteQueueNums(); queue++) {
                TreeMap<Long, MessageExt> messages = readQueue(kit, puller, entry.getKey(), queue);
                if (!messages.isEmpty()) image.queues.put(entry.getKey() + " " + queue, messages);
            }
        }
        var groups = kit.admin().getAllSubscriptionGroup(addr, 5000).getSubscriptionGroupTable();
        groups.forEach((name, config) -> image.groups.put(name, config.toString()));
        return image;
    }

    /** The messages of one topic as they are now. */
    static List<MessageExt> readTopic(Kit kit, DefaultMQPullConsumer puller, String topic, int queues) throws Exception {
        List<MessageExt> messages = new ArrayList<>();
        for (int queue = 0; queue < queues; queue++) messages.addAll(readQueue(kit, puller, topic, queue).values());
        return messages;
    }

    @SuppressWarnings("deprecation")
    private static TreeMap<Long, MessageExt> readQueue(Kit kit, DefaultMQPullConsumer puller, String topic, int queue) throws Exception {
        TreeMap<Long, MessageExt> messages = new TreeMap<>();
        long end = kit.admin().maxOffset(kit.queue(topic, queue));
        if (end == 0) return messages;
        for (long offset = 0; offset < end;) {
            PullResult result = puller.pull(kit.queue(topic, queue), "*", offset, 32);
            if (result.getPullStatus() == PullStatus.FOUND) {
                for (MessageExt message : result.getMsgFoundList()) messages.put(message.getQueueOffset(), message);
            }
            if (result.getNextBeginOffset() <= offset) throw new AssertionError(topic + " " + queue + " stands at " + offset + ": " + result);
            offset = result.getNextBeginOffset();
        }
        // the broker may add some meanwhile
        check(messages.size() >= end && messages.lastKey() == messages.size() - 1, "all " + end + " messages of " + topic + " " + queue);
        return messages;
    }

    /** Everything of this image is in the later one, the same. */
    void isPartOf(StoreImage later) {
        queues.forEach((queue, messages) -> messages.forEach((offset, message) -> {
            MessageExt other = later.queues.getOrDefault(queue, new TreeMap<>()).get(offset);
            equal(describe(message), other == null ? null : describe(other), "message " + offset + " of " + queue);
        }));
        topics.forEach((name, config) -> equal(config, later.topics.get(name), "topic " + name));
        groups.forEach((name, config) -> equal(config, later.groups.get(name), "group " + name));
    }

    int size() {
        return queues.values().stream().mapToInt(Map::size).sum();
    }

    /** The messages of a topic, queue by queue. */
    List<MessageExt> of(String topic) {
        List<MessageExt> messages = new ArrayList<>();
        queues.forEach((queue, all) -> {
            if (queue.startsWith(topic + " ")) messages.addAll(all.values());
        });
        return messages;
    }

    private static String describe(MessageExt message) {
        Map<String, String> properties = new TreeMap<>(message.getProperties());
        OF_THE_PULL.forEach(properties::remove);
        return message.getMsgId() + " at " + message.getCommitLogOffset() + " " + message.getStoreSize() + " bytes, body "
            + message.getBody().length + " " + Arrays.hashCode(message.getBody()) + ", crc " + message.getBodyCRC() + ", flags "
            + message.getFlag() + " " + message.getSysFlag() + ", born " + message.getBornTimestamp() + " " + message.getBornHost()
            + ", stored " + message.getStoreTimestamp() + " " + message.getStoreHost() + ", comings " + message.getReconsumeTimes()
            + ", prepared " + message.getPreparedTransactionOffset() + " " + properties;
    }
}
