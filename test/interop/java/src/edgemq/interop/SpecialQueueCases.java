package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;
import static edgemq.interop.Kit.refused;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Queues that are not plain ones: of batches, of messages sent to several queues, and of topics compacted by key. */
@SuppressWarnings("deprecation")
final class SpecialQueueCases {
    private SpecialQueueCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("batchQueue", SpecialQueueCases::batchQueue));
        cases.add(Case.together("batchQueuePullInTheMiddle", SpecialQueueCases::batchQueuePullInTheMiddle));
        cases.add(Case.together("batchQueueSearchByTime", SpecialQueueCases::batchQueueSearchByTime));
        cases.add(Case.together("batchQueueSingleSend", SpecialQueueCases::batchQueueSingleSend));
        cases.add(Case.together("multiDispatch", SpecialQueueCases::multiDispatch));
        cases.add(Case.chained(Case.COLD_COUNTERS, "lmqOffsets", SpecialQueueCases::lmqOffsets));
        cases.add(Case.together("compactionTopic", SpecialQueueCases::compactionTopic));
        cases.add(Case.restart("batchQueueOverRestart", SpecialQueueCases::batchQueueOverRestart));
        cases.add(Case.restart("lmqOverRestart", SpecialQueueCases::lmqOverRestart));
    }

    // ---- topics

    /** A topic with attributes, which only clients of the 5.x line can ask for. */
    private static String topicWith(Kit kit, int queues, Map<String, String> attributes) throws Exception {
        if (kit.settings().older()) throw new Case.Skipped("clients before 5.0 know no topic attributes");
        String topic = kit.named("t");
        TopicConfig config = new TopicConfig(topic);
        config.setReadQueueNums(queues);
        config.setWriteQueueNums(queues);
        TopicConfig.class.getMethod("setAttributes", Map.class).invoke(config, attributes);
        kit.admin().createAndUpdateTopicConfig(kit.settings().brokerAddr(), config);
        kit.routeExists(topic);
        return topic;
    }

    private static String batchTopic(Kit kit) throws Exception {
        return topicWith(kit, 1, Map.of("+queue.type", "BatchCQ"));
    }

    private static void needs(Kit kit, String key, String value) throws Exception {
        Properties config = kit.admin().getBrokerConfig(kit.settings().brokerAddr());
        if (!value.equals(config.getProperty(key))) throw new Case.Skipped("the broker's " + key + " is not " + value);
    }

    // ---- batches

    private static SendResult sendBatch(DefaultMQProducer producer, String topic, String label, int count) throws Exception {
        List<Message> batch = new ArrayList<>();
        for (int i = 0; i < count; i++) batch.add(new Message(topic, "T" + i % 2, label + "-" + i, bytes(label + "-" + i)));
        SendResult result = producer.send(batch);
        equal(SendStatus.SEND_OK, result.getSendStatus(), "send status of the batch " + label);
        return result;
    }

    private static List<String> textsOf(List<MessageExt> messages) {
        List<String> texts = new ArrayList<>();
        for (MessageExt message : messages) texts.add(message.getQueueOffset() + " " + Inbox.bodyOf(message));
        return texts;
    }

    private static void batchQueue(Kit kit) throws Exception {
        String topic = batchTopic(kit);
        DefaultMQProducer producer = kit.producer();
        SendResult first = sendBatch(producer, topic, "a", 3);
        equal(0L, first.getQueueOffset(), "queue offset of the first batch");
        equal(1, first.getMsgId().split(",").length, "one id for all: " + first.getMsgId());
        equal(1, first.getOffsetMsgId().split(",").length, "one record for all: " + first.getOffsetMsgId());
        equal(3L, sendBatch(producer, topic, "b", 2).getQueueOffset(), "queue offset of the second batch");
        MessageQueue queue = kit.queue(topic, 0);
        eventually("five messages", 10, () -> kit.admin().maxOffset(queue) == 5);
        equal(0L, kit.admin().minOffset(queue), "min offset");
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        inbox.holdsExactly(List.of("a-0", "a-1", "a-2", "b-0", "b-1"), 20);
        for (MessageExt message : inbox.messages()) {
            long base = Inbox.bodyOf(message).startsWith("a") ? 0 : 3;
            long index = Integer.parseInt(Inbox.bodyOf(message).substring(2));
            equal(base + index, message.getQueueOffset(), "queue offset of " + Inbox.bodyOf(message));
            equal(Inbox.bodyOf(message), message.getKeys(), "keys");
        }
        MessageExt found = kit.admin().viewMessage(topic, first.getOffsetMsgId());
        equal(0xC0, found.getSysFlag() & 0xC0, "the record is a batch to be unwrapped");
        equal("3", found.getProperty("INNER_NUM"), "INNER_NUM");
        equal("0", found.getProperty("INNER_BASE"), "INNER_BASE");
    }

    private static void batchQueuePullInTheMiddle(Kit kit) throws Exception {
        String topic = batchTopic(kit);
        DefaultMQProducer producer = kit.producer();
        for (String label : List.of("a", "b", "c", "d")) sendBatch(producer, topic, label, 4);
        MessageQueue queue = kit.queue(topic, 0);
        eventually("sixteen messages", 10, () -> kit.admin().maxOffset(queue) == 16);
        DefaultMQPullConsumer consumer = kit.startedPullConsumer();
        consumer.fetchSubscribeMessageQueues(topic);
        PullResult middle = consumer.pull(queue, "*", 6, 32);
        equal(PullStatus.FOUND, middle.getPullStatus(), "status in the middle of a batch");
        equal(16L, middle.getNextBeginOffset(), "next offset");
        equal(16L, middle.getMaxOffset(), "max offset");
        equal(12, middle.getMsgFoundList().size(), "the whole batch of the offset, and all behind it");
        equal("4 b-0", textsOf(middle.getMsgFoundList()).get(0), "the first one");
        PullResult few = consumer.pull(queue, "*", 4, 5);
        equal(List.of("4 b-0", "5 b-1", "6 b-2", "7 b-3"), textsOf(few.getMsgFoundList()), "no batch is cut in two");
        equal(8L, few.getNextBeginOffset(), "next offset behind one batch");
        PullResult one = consumer.pull(queue, "*", 8, 1);
        equal(4, one.getMsgFoundList().size(), "one batch at least");
        equal(PullStatus.NO_NEW_MSG, consumer.pull(queue, "*", 16, 32).getPullStatus(), "status at the end");
        PullResult beyond = consumer.pull(queue, "*", 20, 32);
        equal(PullStatus.OFFSET_ILLEGAL, beyond.getPullStatus(), "status beyond the end");
        equal(16L, beyond.getNextBeginOffset(), "next offset beyond the end");
    }

    private static void batchQueueSearchByTime(Kit kit) throws Exception {
        String topic = batchTopic(kit);
        DefaultMQProducer producer = kit.producer();
        sendBatch(producer, topic, "a", 3);
        Thread.sleep(30);
        sendBatch(producer, topic, "b", 3);
        MessageQueue queue = kit.queue(topic, 0);
        eventually("six messages", 10, () -> kit.admin().maxOffset(queue) == 6);
        DefaultMQPullConsumer consumer = kit.startedPullConsumer();
        consumer.fetchSubscribeMessageQueues(topic);
        List<MessageExt> messages = consumer.pull(queue, "*", 0, 32).getMsgFoundList();
        long first = messages.get(0).getStoreTimestamp();
        long second = messages.get(5).getStoreTimestamp();
        equal(0L, kit.admin().searchOffset(queue, first), "at the time of the first batch");
        equal(3L, kit.admin().searchOffset(queue, first + 1), "after the first batch");
        equal(3L, kit.admin().searchOffset(queue, second), "at the time of the second batch");
        equal(3L, kit.admin().searchOffset(queue, second + 100_000), "after all: the last batch, as Apache has it");
        equal(0L, kit.admin().searchOffset(queue, first - 100_000), "before all");
        equal(first, kit.admin().earliestMsgStoreTime(queue), "earliest store time");
    }

    /** A message that is no batch is a batch of one. */
    private static void batchQueueSingleSend(Kit kit) throws Exception {
        String topic = batchTopic(kit);
        DefaultMQProducer producer = kit.producer();
        equal(0L, producer.send(new Message(topic, bytes("single"))).getQueueOffset(), "queue offset");
        equal(1L, sendBatch(producer, topic, "a", 2).getQueueOffset(), "queue offset of the batch behind it");
        MessageQueue queue = kit.queue(topic, 0);
        eventually("the batch is there", 10, () -> kit.admin().maxOffset(queue) == 3);
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        inbox.holdsExactly(List.of("single", "a-0", "a-1"), 20);
    }

    private static void batchQueueOverRestart(Kit kit) throws Exception {
        String topic = batchTopic(kit);
        DefaultMQProducer producer = kit.producer();
        for (int i = 0; i < 20; i++) sendBatch(producer, topic, "x" + i, 3);
        MessageQueue queue = kit.queue(topic, 0);
        eventually("all are there", 10, () -> kit.admin().maxOffset(queue) == 60);
        for (String how : List.of("stopBroker", "killBroker")) {
            kit.servers(how);
            kit.servers("startBroker");
            kit.routeExists(topic);
            eventually("all are there again after " + how, 30, () -> {
                try {
                    return kit.admin().maxOffset(queue) == 60;
                } catch (Exception notYet) {
                    return false;
                }
            });
            equal(0L, kit.admin().minOffset(queue), "min offset after " + how);
        }
        equal(60L, sendBatch(producer, topic, "y", 2).getQueueOffset(), "queue offset after the restarts");
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        List<String> expected = new ArrayList<>(List.of("y-0", "y-1"));
        for (int i = 0; i < 20; i++) expected.addAll(Kit.bodies("x" + i, 3));
        inbox.holdsExactly(expected, 20);
    }

    // ---- one message, several queues

    private static Message dispatchedTo(String topic, String text, String... queues) {
        Message message = new Message(topic, "TagL", text, bytes(text));
        MessageAccessor.putProperty(message, "INNER_MULTI_DISPATCH", String.join(",", queues));
        return message;
    }

    private static MessageQueue lmq(String name) {
        return new MessageQueue(name, Settings.BROKER, 0);
    }

    /** The nameserver knows no light queues: the client finds the broker by the topic. */
    private static long maxOffset(Kit kit, String topic, String light) throws Exception {
        kit.admin().maxOffset(kit.queue(topic, 0));
        return kit.admin().maxOffset(lmq(light));
    }

    private static void knowsBroker(Kit kit, DefaultMQPullConsumer consumer, String topic) throws Exception {
        consumer.fetchSubscribeMessageQueues(topic);
        consumer.pull(kit.queue(topic, 0), "*", 0, 1);
    }

    private static void multiDispatch(Kit kit) throws Exception {
        needs(kit, "enableLmq", "true");
        needs(kit, "enableMultiDispatch", "true");
        String topic = kit.topic(2);
        String one = "%LMQ%" + kit.named("one");
        String two = "%LMQ%" + kit.named("two");
        DefaultMQProducer producer = kit.producer();
        SendResult result = producer.send(dispatchedTo(topic, "m0", one, two), kit.queue(topic, 1));
        equal(0L, result.getQueueOffset(), "queue offset in the topic");
        producer.send(dispatchedTo(topic, "m1", two), kit.queue(topic, 1));
        producer.send(new Message(topic, "TagL", "m2", bytes("m2")), kit.queue(topic, 1));
        producer.send(dispatchedTo(topic, "m3", two, one), kit.queue(topic, 0));
        eventually("the light queues are written", 10, () -> maxOffset(kit, topic, two) == 3);
        equal(2L, maxOffset(kit, topic, one), "max offset of the first light queue");
        equal(3L, kit.admin().maxOffset(kit.queue(topic, 1)), "max offset of the topic's queue");
        DefaultMQPullConsumer consumer = kit.startedPullConsumer();
        knowsBroker(kit, consumer, topic);
        PullResult pulled = consumer.pull(lmq(two), "*", 0, 32);
        equal(PullStatus.FOUND, pulled.getPullStatus(), "status of a pull from a light queue");
        List<String> texts = new ArrayList<>();
        for (MessageExt message : pulled.getMsgFoundList()) texts.add(Inbox.bodyOf(message));
        equal(List.of("m0", "m1", "m3"), texts, "bodies");
        equal(3L, pulled.getNextBeginOffset(), "next offset");
        MessageExt first = kit.admin().viewMessage(topic, result.getOffsetMsgId());
        equal(topic, first.getTopic(), "the record's topic");
        equal("0,0", first.getProperty("INNER_MULTI_QUEUE_OFFSET"), "offsets in the light queues");
        MessageExt third = consumer.pull(kit.queue(topic, 0), "*", 0, 32).getMsgFoundList().get(0);
        equal("2,1", third.getProperty("INNER_MULTI_QUEUE_OFFSET"), "offsets of the last one");
        PullResult byTag = consumer.pull(lmq(two), "Other", 0, 32);
        equal(PullStatus.NO_MATCHED_MSG, byTag.getPullStatus(), "status by another tag");
        equal(PullStatus.NO_NEW_MSG, consumer.pull(lmq(two), "*", 3, 32).getPullStatus(), "status at the end");
    }

    private static void lmqOffsets(Kit kit) throws Exception {
        needs(kit, "enableLmq", "true");
        String topic = kit.topic(1);
        String light = "%LMQ%" + kit.named("q");
        DefaultMQProducer producer = kit.producer();
        for (int i = 0; i < 4; i++) producer.send(dispatchedTo(topic, "m" + i, light));
        eventually("the light queue is written", 10, () -> maxOffset(kit, topic, light) == 4);
        DefaultMQPullConsumer consumer = kit.pullConsumer("%LMQ%" + kit.named("g"));
        consumer.start();
        knowsBroker(kit, consumer, topic);
        equal(4, consumer.pull(lmq(light), "*", 0, 32).getMsgFoundList().size(), "messages pulled");
        consumer.updateConsumeOffset(lmq(light), 3);
        consumer.getOffsetStore().persistAll(new java.util.HashSet<>(List.of(lmq(light))));
        eventually("the offset is stored", 10, () -> consumer.fetchConsumeOffset(lmq(light), true) == 3);
    }

    private static void lmqOverRestart(Kit kit) throws Exception {
        needs(kit, "enableLmq", "true");
        String topic = kit.topic(1);
        String light = "%LMQ%" + kit.named("q");
        String group = "%LMQ%" + kit.named("g");
        DefaultMQProducer producer = kit.producer();
        for (int i = 0; i < 10; i++) producer.send(dispatchedTo(topic, "m" + i, light));
        eventually("the light queue is written", 10, () -> maxOffset(kit, topic, light) == 10);
        DefaultMQPullConsumer consumer = kit.pullConsumer(group);
        consumer.start();
        knowsBroker(kit, consumer, topic);
        consumer.pull(lmq(light), "*", 0, 32);
        consumer.updateConsumeOffset(lmq(light), 7);
        consumer.getOffsetStore().persistAll(new java.util.HashSet<>(List.of(lmq(light))));
        eventually("the offset is stored", 10, () -> consumer.fetchConsumeOffset(lmq(light), true) == 7);
        for (String how : List.of("stopBroker", "killBroker")) {
            kit.servers(how);
            kit.servers("startBroker");
            kit.routeExists(topic);
            eventually("all are there again after " + how, 30, () -> {
                try {
                    return maxOffset(kit, topic, light) == 10;
                } catch (Exception notYet) {
                    return false;
                }
            });
            equal(7L, consumer.fetchConsumeOffset(lmq(light), true), "offset of the group after " + how);
        }
        producer.send(dispatchedTo(topic, "after", light));
        eventually("the queue goes on where it was", 10, () -> maxOffset(kit, topic, light) == 11);
        PullResult pulled = consumer.pull(lmq(light), "*", 9, 32);
        equal("after", Inbox.bodyOf(pulled.getMsgFoundList().get(1)), "the newest message");
        equal("10", pulled.getMsgFoundList().get(1).getProperty("INNER_MULTI_QUEUE_OFFSET"), "its offset");
    }

    // ---- compacted by key

    private static void compactionTopic(Kit kit) throws Exception {
        String topic = topicWith(kit, 1, Map.of("+cleanup.policy", "COMPACTION"));
        DefaultMQProducer producer = kit.producer();
        refused(13, "Required message key is missing", () -> producer.send(new Message(topic, bytes("no key"))));
        MessageQueue queue = kit.queue(topic, 0);
        for (int i = 0; i < 40; i++) producer.send(new Message(topic, i % 2 == 0 ? "Even" : "Odd", "key" + i % 4, bytes("v" + i)));
        DefaultMQPullConsumer consumer = kit.startedPullConsumer();
        consumer.fetchSubscribeMessageQueues(topic);
        eventually("the last message can be pulled", 20, () -> consumer.pull(queue, "*", 39, 32).getPullStatus() == PullStatus.FOUND);
        PullResult last = consumer.pull(queue, "*", 39, 32);
        equal(List.of("39 v39"), textsOf(last.getMsgFoundList()), "the last message");
        equal(40L, last.getNextBeginOffset(), "next offset");
        equal(PullStatus.NO_NEW_MSG, consumer.pull(queue, "*", 40, 32).getPullStatus(), "status at the end");
        Properties config = kit.admin().getBrokerConfig(kit.settings().brokerAddr());
        // compacted only where files are small and rounds are frequent
        if (Integer.parseInt(config.getProperty("compactionScheduleInternal")) > 10_000) return;
        List<MessageExt> left = new ArrayList<>();
        eventually("older values of the keys are gone", 60, () -> {
            left.clear();
            left.addAll(allOf(consumer, queue));
            return left.size() < 25;
        }, () -> textsOf(left).toString());
        List<String> texts = textsOf(left);
        for (int i = 36; i < 40; i++) check(texts.contains(i + " v" + i), "the newest value of key" + i % 4 + " in " + texts);
        for (int i = 1; i < left.size(); i++) {
            check(left.get(i - 1).getQueueOffset() < left.get(i).getQueueOffset(), "offsets grow in " + texts);
        }
        equal(40L, kit.admin().maxOffset(queue), "max offset");
    }

    private static List<MessageExt> allOf(DefaultMQPullConsumer consumer, MessageQueue queue) throws Exception {
        List<MessageExt> messages = new ArrayList<>();
        long offset = 0;
        while (true) {
            PullResult result = consumer.pull(queue, "*", offset, 32);
            if (result.getPullStatus() != PullStatus.FOUND) return messages;
            messages.addAll(result.getMsgFoundList());
            offset = result.getNextBeginOffset();
        }
    }
}
