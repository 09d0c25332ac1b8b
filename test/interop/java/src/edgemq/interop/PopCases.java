package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;
import static edgemq.interop.Kit.neverWithin;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.SerializeType;

/** Push consumers whose broker was told to hand out messages by POP. */
final class PopCases {
    private PopCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("popConsume", PopCases::popConsume));
        cases.add(Case.together("popShares", PopCases::popShares));
        cases.add(Case.together("popRetries", PopCases::popRetries));
        cases.add(Case.together("popTags", PopCases::popTags));
        cases.add(Case.together("popAssignment", PopCases::popAssignment));
        cases.add(Case.together("popByPriority", PopCases::popByPriority));
    }

    /** By name: clients of 4.x have no such call, and none of these cases. */
    static void popMode(Kit kit, String topic, String group, int share) throws Exception {
        popMode(kit, kit.settings().brokerAddr(), topic, group, share);
    }

    static void popMode(Kit kit, String addr, String topic, String group, int share) throws Exception {
        Class<?> mode = Class.forName("org.apache.rocketmq.common.message.MessageRequestMode");
        Object pop = mode.getField("POP").get(null);
        kit.admin().getClass()
            .getMethod("setMessageRequestMode", String.class, String.class, String.class, mode, int.class, long.class)
            .invoke(kit.admin(), addr, topic, group, pop, share, 5000L);
    }

    static void set(Object target, String setter, Class<?> type, Object value) throws Exception {
        target.getClass().getMethod(setter, type).invoke(target, value);
    }

    private static DefaultMQPushConsumer consumer(Kit kit, String group, String topic, String tags, int share) throws Exception {
        if (kit.settings().older()) throw new Case.Skipped("clients before 5.0 know no POP");
        // Its code is 200050, of which the binary header writes the lower 16 bits: no broker can know what was asked.
        if (RemotingCommand.getSerializeTypeConfigInThisServer() == SerializeType.ROCKETMQ) {
            throw new Case.Skipped("the binary header has no room for POP's code");
        }
        popMode(kit, topic, group, share);
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        consumer.subscribe(topic, tags);
        set(consumer, "setClientRebalance", boolean.class, false);
        consumer.setInstanceName(kit.named("pop"));
        return consumer;
    }

    private static void popConsume(Kit kit) throws Exception {
        String topic = kit.topic(4);
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "TagA", "before", 50);
        DefaultMQPushConsumer consumer = consumer(kit, kit.named("g"), topic, "*", -1);
        Inbox inbox = new Inbox();
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        inbox.holdsExactly(Kit.bodies("before", 50), 30);
        kit.send(producer, topic, "TagA", "later", 100);
        List<String> expected = Kit.bodies("before", 50);
        expected.addAll(Kit.bodies("later", 100));
        inbox.holdsExactly(expected, 30);
        check(inbox.messages().get(0).getProperty("POP_CK") != null, "POP_CK");
        neverWithin(3000, "an acknowledged message comes twice", () -> inbox.size() > 150);
    }

    /** Two consumers of a group pop from one queue, which pulling could not share. */
    private static void popShares(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String group = kit.named("g");
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "TagA", "warm", 1);
        Map<String, AtomicInteger> counts = new ConcurrentHashMap<>();
        Set<String> bodies = ConcurrentHashMap.newKeySet();
        for (int i = 0; i < 2; i++) {
            String name = "consumer-" + i;
            DefaultMQPushConsumer consumer = consumer(kit, group, topic, "*", -1);
            consumer.setInstanceName(kit.named(name));
            set(consumer, "setPopBatchNums", int.class, 4);
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
                for (MessageExt message : messages) {
                    counts.computeIfAbsent(name, key -> new AtomicInteger()).incrementAndGet();
                    bodies.add(Inbox.bodyOf(message));
                }
                try {
                    Thread.sleep(20);
                } catch (InterruptedException stopped) {
                    Thread.currentThread().interrupt();
                }
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
            consumer.start();
        }
        eventually("the first message is received", 30, () -> bodies.contains("warm-0"));
        Kit.eventually("both consumers get messages of the one queue", 40, () -> {
            kit.send(producer, topic, "TagA", "m" + bodies.size(), 20);
            return counts.size() == 2 && counts.values().stream().allMatch(count -> count.get() >= 3);
        });
    }

    /** What is consumed badly comes again, with its count, and under its own topic. */
    private static void popRetries(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "TagA", "again", 5);
        Map<String, List<Integer>> seen = new ConcurrentHashMap<>();
        Set<String> topics = ConcurrentHashMap.newKeySet();
        DefaultMQPushConsumer consumer = consumer(kit, kit.named("g"), topic, "*", -1);
        set(consumer, "setPopInvisibleTime", long.class, 10_000L);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            boolean first = false;
            for (MessageExt message : messages) {
                topics.add(message.getTopic());
                List<Integer> times = seen.computeIfAbsent(Inbox.bodyOf(message), key -> new ArrayList<>());
                synchronized (times) {
                    times.add(message.getReconsumeTimes());
                    first |= times.size() == 1;
                }
            }
            return first ? ConsumeConcurrentlyStatus.RECONSUME_LATER : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        eventually("all five come twice", 60, () -> seen.size() == 5 && seen.values().stream().allMatch(times -> times.size() >= 2));
        for (List<Integer> times : seen.values()) {
            equal(0, times.get(0), "first");
            equal(1, times.get(1), "second");
        }
        equal(Set.of(topic), new TreeSet<>(topics), "topics");
        neverWithin(4000, "one comes a third time", () -> seen.values().stream().anyMatch(times -> times.size() > 2));
    }

    private static void popTags(Kit kit) throws Exception {
        String topic = kit.topic(2);
        DefaultMQProducer producer = kit.producer();
        for (String tag : List.of("TagA", "TagB", "TagC")) kit.send(producer, topic, tag, tag, 10);
        DefaultMQPushConsumer consumer = consumer(kit, kit.named("g"), topic, "TagA || TagC", -1);
        Inbox inbox = new Inbox();
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        List<String> expected = Kit.bodies("TagA", 10);
        expected.addAll(Kit.bodies("TagC", 10));
        inbox.holdsExactly(expected, 30);
        kit.send(producer, topic, "TagB", "more", 5);
        kit.send(producer, topic, "TagA", "end", 1);
        expected.addAll(Kit.bodies("end", 1));
        inbox.holdsExactly(expected, 30);
    }

    /** The broker divides queues among clients that pull, too. */
    private static void popAssignment(Kit kit) throws Exception {
        if (kit.settings().older()) throw new Case.Skipped("clients before 5.0 leave no assignment to the broker");
        String topic = kit.topic(4);
        String group = kit.named("g");
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "TagA", "warm", 8);
        List<Inbox> inboxes = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            DefaultMQPushConsumer consumer = kit.pushConsumer(group);
            consumer.subscribe(topic, "*");
            set(consumer, "setClientRebalance", boolean.class, false);
            consumer.setInstanceName(kit.named("pull" + i));
            Inbox inbox = new Inbox();
            consumer.registerMessageListener(inbox.concurrently());
            consumer.start();
            inboxes.add(inbox);
        }
        eventually("both have queues", 40, () -> {
            kit.send(producer, topic, "TagA", "more", 8);
            return inboxes.stream().allMatch(inbox -> inbox.size() > 4);
        });
    }

    /** A topic with priorities has a queue for each, and a POP asks the highest first. */
    private static void popByPriority(Kit kit) throws Exception {
        if (kit.settings().older()) throw new Case.Skipped("clients before 5.0 know no topic attributes");
        String topic = kit.named("t");
        TopicConfig config = new TopicConfig(topic);
        config.setReadQueueNums(3);
        config.setWriteQueueNums(3);
        TopicConfig.class.getMethod("setAttributes", Map.class).invoke(config, Map.of("+message.type", "PRIORITY"));
        kit.admin().createAndUpdateTopicConfig(kit.settings().brokerAddr(), config);
        kit.routeExists(topic);
        DefaultMQProducer producer = kit.producer();
        List<String> expected = new ArrayList<>();
        for (int priority : new int[] {1, 9, 0}) {
            for (int i = 0; i < 3; i++) {
                Message message = new Message(topic, bytes(priority + "-" + i));
                MessageAccessor.putProperty(message, "_SYS_MSG_PRIORITY_", String.valueOf(priority));
                equal(Math.min(priority, 2), producer.send(message, kit.queue(topic, 0)).getMessageQueue().getQueueId(), "queue");
            }
        }
        for (String priority : List.of("9", "1", "0")) expected.addAll(Kit.bodies(priority, 3));
        DefaultMQPushConsumer consumer = consumer(kit, kit.named("g"), topic, "*", -1);
        consumer.setConsumeThreadMin(1);
        consumer.setConsumeThreadMax(1);
        Inbox inbox = new Inbox();
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        eventually("nine messages", 30, () -> inbox.size() >= 9);
        equal(expected, inbox.messages().stream().map(Inbox::bodyOf).collect(Collectors.toList()), "in their order");
    }
}
