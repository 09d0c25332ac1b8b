package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;
import static edgemq.interop.Kit.neverWithin;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/** Push consumers: clustering, broadcasting, tags, and sharing of queues. */
final class ConsumeCases {
    private ConsumeCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("pushConsume", ConsumeCases::pushConsume));
        cases.add(Case.together("longPollWakes", ConsumeCases::longPollWakes));
        cases.add(Case.together("twoGroups", ConsumeCases::twoGroups));
        cases.add(Case.together("consumeFromLast", ConsumeCases::consumeFromLast));
        cases.add(Case.together("tagFilter", ConsumeCases::tagFilter));
        cases.add(Case.together("tagHashCollision", ConsumeCases::tagHashCollision));
        cases.add(Case.together("tagFilterWakesOnlyForIts", ConsumeCases::tagFilterWakesOnlyForIts));
        cases.add(Case.together("subscriptionChanges", ConsumeCases::subscriptionChanges));
        cases.add(Case.together("broadcast", ConsumeCases::broadcast));
        cases.add(Case.together("rebalance", ConsumeCases::rebalance));
        cases.add(Case.together("suspendAndResume", ConsumeCases::suspendAndResume));
        cases.add(Case.together("batchListener", ConsumeCases::batchListener));
        cases.add(Case.together("severalTopics", ConsumeCases::severalTopics));
        cases.add(Case.together("flowLimits", ConsumeCases::flowLimits));
    }

    private static void pushConsume(Kit kit) throws Exception {
        String topic = kit.topic(4);
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "TagA", "before", 50);
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        inbox.holdsExactly(Kit.bodies("before", 50), 20);
        kit.send(producer, topic, "TagA", "later", 50);
        List<String> expected = Kit.bodies("before", 50);
        expected.addAll(Kit.bodies("later", 50));
        inbox.holdsExactly(expected, 20);
        neverWithin(500, "a message came twice", () -> inbox.size() > 100);
    }

    /** An idle consumer hears of a message at once, not at its next poll (Apache's check of held pulls runs every 5 s). */
    private static void longPollWakes(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        kit.send(producer, topic, "*", "warm", 1);
        inbox.holdsExactly(Kit.bodies("warm", 1), 20);
        long worst = 0;
        for (int i = 0; i < 5; i++) {
            int expected = i + 2;
            neverWithin(100, "a message nobody sent", () -> inbox.size() >= expected);
            long from = System.nanoTime();
            producer.send(new Message(topic, bytes("wake-" + i)));
            eventually("wake-" + i + " received", 10, () -> inbox.size() >= expected);
            worst = Math.max(worst, (System.nanoTime() - from) / 1_000_000);
        }
        check(worst < 3000, "the slowest of 5 messages took " + worst + " ms");
    }

    private static void twoGroups(Kit kit) throws Exception {
        String topic = kit.topic(2);
        Inbox first = kit.consume(kit.named("g1"), topic, "*");
        Inbox second = kit.consume(kit.named("g2"), topic, "*");
        kit.send(kit.producer(), topic, "*", "both", 20);
        first.holdsExactly(Kit.bodies("both", 20), 20);
        second.holdsExactly(Kit.bodies("both", 20), 20);
    }

    /** A new group that wants the last offset still gets a queue from its start while offset 0 is in memory. */
    private static void consumeFromLast(Kit kit) throws Exception {
        String topic = kit.topic(1);
        kit.send(kit.producer(), topic, "*", "old", 5);
        DefaultMQPushConsumer consumer = kit.pushConsumer(kit.named("g"));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET);
        consumer.subscribe(topic, "*");
        Inbox inbox = new Inbox();
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        inbox.holdsExactly(Kit.bodies("old", 5), 20);
    }

    private static void tagFilter(Kit kit) throws Exception {
        String topic = kit.topic(2);
        DefaultMQProducer producer = kit.producer();
        for (String tag : List.of("TagA", "TagB", "TagC")) kit.send(producer, topic, tag, tag, 10);
        producer.send(new Message(topic, bytes("untagged")));
        Inbox inbox = kit.consume(kit.named("g"), topic, "TagA || TagC");
        List<String> expected = Kit.bodies("TagA", 10);
        expected.addAll(Kit.bodies("TagC", 10));
        inbox.holdsExactly(expected, 20);
        Inbox bySelector = new Inbox();
        DefaultMQPushConsumer consumer = kit.pushConsumer(kit.named("g2"));
        consumer.subscribe(topic, MessageSelector.byTag("TagB"));
        consumer.registerMessageListener(bySelector.concurrently());
        consumer.start();
        bySelector.holdsExactly(Kit.bodies("TagB", 10), 20);
        neverWithin(300, "a message of another tag", () -> inbox.size() > 20 || bySelector.size() > 10);
    }

    /** "Aa" and "BB" have one hash, which is all the consume queue holds: the client tells them apart. */
    private static void tagHashCollision(Kit kit) throws Exception {
        equal("Aa".hashCode(), "BB".hashCode(), "hash");
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "BB", "BB", 40);
        kit.send(producer, topic, "Aa", "Aa", 3);
        Inbox inbox = kit.consume(kit.named("g"), topic, "Aa");
        inbox.holdsExactly(Kit.bodies("Aa", 3), 20);
        kit.send(producer, topic, "BB", "BB", 3);
        kit.send(producer, topic, "Aa", "Aa-more", 3);
        List<String> expected = Kit.bodies("Aa", 3);
        expected.addAll(Kit.bodies("Aa-more", 3));
        inbox.holdsExactly(expected, 20);
    }

    private static void tagFilterWakesOnlyForIts(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        Inbox inbox = kit.consume(kit.named("g"), topic, "Wanted");
        kit.send(producer, topic, "Wanted", "first", 1);
        inbox.holdsExactly(Kit.bodies("first", 1), 20);
        kit.send(producer, topic, "Other", "other", 100);
        long from = System.nanoTime();
        kit.send(producer, topic, "Wanted", "second", 1);
        eventually("the wanted message is received", 10, () -> inbox.size() == 2);
        check((System.nanoTime() - from) / 1_000_000 < 3000, "within 3 s");
    }

    private static void subscriptionChanges(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        DefaultMQPushConsumer consumer = kit.pushConsumer(kit.named("g"));
        Inbox inbox = new Inbox();
        consumer.subscribe(topic, "TagA");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        kit.send(producer, topic, "TagA", "a", 3);
        inbox.holdsExactly(Kit.bodies("a", 3), 20);
        consumer.subscribe(topic, "TagB");
        eventually("a message of the new tag is received", 20, () -> {
            kit.send(producer, topic, "TagB", "b", 1);
            return inbox.bodies().contains("b-0");
        });
    }

    private static void broadcast(Kit kit) throws Exception {
        String topic = kit.topic(3);
        String group = kit.named("g");
        DefaultMQProducer producer = kit.producer();
        Inbox[] inboxes = {new Inbox(), new Inbox()};
        for (int i = 0; i < 2; i++) {
            DefaultMQPushConsumer consumer = kit.pushConsumer(group);
            // the class of the model has moved between 4.x and 5.x
            var model = consumer.getMessageModel();
            consumer.setMessageModel(Enum.valueOf(model.getDeclaringClass(), "BROADCASTING"));
            consumer.setInstanceName(kit.named("instance" + i));
            consumer.subscribe(topic, "*");
            consumer.registerMessageListener(inboxes[i].concurrently());
            consumer.start();
        }
        kit.send(producer, topic, "*", "all", 30);
        for (Inbox inbox : inboxes) inbox.holdsExactly(Kit.bodies("all", 30), 20);
    }

    private static Set<Integer> queuesOf(DefaultMQPushConsumer consumer) {
        return consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet().stream()
            .filter(queue -> !queue.getTopic().startsWith("%RETRY%"))
            .map(MessageQueue::getQueueId)
            .collect(Collectors.toCollection(TreeSet::new));
    }

    /** The broker tells consumers that the group has changed: their own check comes every 20 s only. */
    private static void rebalance(Kit kit) throws Exception {
        String topic = kit.topic(4);
        String group = kit.named("g");
        DefaultMQProducer producer = kit.producer();
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer[] consumers = new DefaultMQPushConsumer[2];
        for (int i = 0; i < 2; i++) {
            consumers[i] = kit.pushConsumer(group);
            consumers[i].setInstanceName(kit.named("instance" + i));
            consumers[i].subscribe(topic, "*");
            consumers[i].registerMessageListener(inbox.concurrently());
        }
        consumers[0].start();
        eventually("the first consumer has all queues", 10, () -> queuesOf(consumers[0]).size() == 4);
        consumers[1].start();
        eventually("two consumers share the queues", 10, () ->
            queuesOf(consumers[0]).size() == 2 && queuesOf(consumers[1]).size() == 2);
        Set<Integer> all = new TreeSet<>(queuesOf(consumers[0]));
        all.addAll(queuesOf(consumers[1]));
        equal(4, all.size(), "queues consumed by one of the two");
        kit.send(producer, topic, "*", "shared", 20);
        inbox.holdsExactly(Kit.bodies("shared", 20), 20);
        consumers[1].shutdown();
        eventually("the one left has all queues again", 10, () -> queuesOf(consumers[0]).size() == 4);
        kit.send(producer, topic, "*", "alone", 20);
        eventually("the one left receives everything", 20, () -> inbox.bodies().containsAll(Kit.bodies("alone", 20)));
    }

    private static void suspendAndResume(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        DefaultMQPushConsumer consumer = kit.pushConsumer(kit.named("g"));
        Inbox inbox = new Inbox();
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        kit.send(producer, topic, "*", "running", 3);
        inbox.holdsExactly(Kit.bodies("running", 3), 20);
        consumer.suspend();
        // the pull that is held already may still bring the first message
        kit.send(producer, topic, "*", "suspended", 1);
        int before = inbox.size();
        neverWithin(200, "more than the held pull brings", () -> inbox.size() > before + 1);
        kit.send(producer, topic, "*", "later", 5);
        neverWithin(800, "a message is received while suspended", () -> inbox.bodies().contains("later-0"));
        consumer.resume();
        eventually("everything is received after resume", 20, () -> inbox.bodies().containsAll(Kit.bodies("later", 5)));
    }

    private static void batchListener(Kit kit) throws Exception {
        String topic = kit.topic(1);
        kit.send(kit.producer(), topic, "*", "batch", 64);
        DefaultMQPushConsumer consumer = kit.pushConsumer(kit.named("g"));
        consumer.setConsumeMessageBatchMaxSize(16);
        consumer.setPullBatchSize(16);
        consumer.subscribe(topic, "*");
        Inbox inbox = new Inbox();
        int[] largest = {0};
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            synchronized (largest) {
                largest[0] = Math.max(largest[0], messages.size());
            }
            inbox.addAll(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        inbox.holdsExactly(Kit.bodies("batch", 64), 20);
        check(largest[0] > 1 && largest[0] <= 16, "the largest batch has 2..16 messages: " + largest[0]);
    }

    private static void severalTopics(Kit kit) throws Exception {
        String one = kit.topic("one", 2);
        String two = kit.topic("two", 1);
        DefaultMQProducer producer = kit.producer();
        DefaultMQPushConsumer consumer = kit.pushConsumer(kit.named("g"));
        Inbox inbox = new Inbox();
        consumer.subscribe(one, "TagA");
        consumer.subscribe(two, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        kit.send(producer, one, "TagA", "one", 10);
        kit.send(producer, one, "TagB", "not", 10);
        kit.send(producer, two, "TagB", "two", 10);
        List<String> expected = Kit.bodies("one", 10);
        expected.addAll(Kit.bodies("two", 10));
        inbox.holdsExactly(expected, 20);
    }

    /** A consumer that is behind pulls no more than it may hold, and all the rest when it goes on. */
    private static void flowLimits(Kit kit) throws Exception {
        String topic = kit.topic(1);
        kit.send(kit.producer(), topic, "TagA", "m", 200);
        DefaultMQPushConsumer consumer = kit.pushConsumer(kit.named("g"));
        consumer.setPullThresholdForQueue(20);
        consumer.setPullBatchSize(4);
        CountDownLatch goOn = new CountDownLatch(1);
        Inbox inbox = new Inbox();
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            try {
                goOn.await();
            } catch (InterruptedException stopped) {
                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            }
            inbox.addAll(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        try {
            eventually("as many are held as may be", 20, () -> heldBy(consumer) > 20);
            neverWithin(700, "more are held than the limit and one pull", () -> heldBy(consumer) > 24);
        } finally {
            goOn.countDown();
        }
        inbox.holdsExactly(Kit.bodies("m", 200), 20);
    }

    private static long heldBy(DefaultMQPushConsumer consumer) {
        return consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().values().stream()
            .mapToLong(queue -> queue.getMsgCount().get()).sum();
    }
}
