package edgemq.interop;

import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;
import static edgemq.interop.Kit.neverWithin;

import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageQueue;

/** Where a group stands: kept over restarts of its clients, moved by time, cloned to another group. */
final class OffsetCases {
    private OffsetCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("offsetsOverClientRestart", OffsetCases::offsetsOverClientRestart));
        cases.add(Case.together("consumeFromTimestamp", OffsetCases::consumeFromTimestamp));
        cases.add(Case.together("resetOffsetByTime", OffsetCases::resetOffsetByTime));
        cases.add(Case.together("resetOffsetOfRunningConsumer", OffsetCases::resetOffsetOfRunningConsumer));
        cases.add(Case.together("cloneGroupOffset", OffsetCases::cloneGroupOffset));
        cases.add(Case.together("updateConsumeOffset", OffsetCases::updateConsumeOffset));
    }

    private static DefaultMQPushConsumer start(Kit kit, String group, String topic, Inbox inbox) throws Exception {
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        return consumer;
    }

    private static void offsetsOverClientRestart(Kit kit) throws Exception {
        String topic = kit.topic(3);
        String group = kit.named("g");
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "*", "first", 30);
        Inbox first = new Inbox();
        DefaultMQPushConsumer consumer = start(kit, group, topic, first);
        first.holdsExactly(Kit.bodies("first", 30), 20);
        Kit.finish(consumer);
        kit.send(producer, topic, "*", "second", 30);
        Inbox second = new Inbox();
        start(kit, group, topic, second);
        second.holdsExactly(Kit.bodies("second", 30), 20);
        neverWithin(300, "a message that was consumed already", () -> second.size() > 30);
    }

    private static void consumeFromTimestamp(Kit kit) throws Exception {
        String topic = kit.topic(1);
        kit.send(kit.producer(), topic, "*", "t", 5);
        DefaultMQPushConsumer consumer = kit.pushConsumer(kit.named("g"));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_TIMESTAMP);
        consumer.setConsumeTimestamp(UtilAll.timeMillisToHumanString3(System.currentTimeMillis() - 1_800_000));
        consumer.subscribe(topic, "*");
        Inbox inbox = new Inbox();
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        inbox.holdsExactly(Kit.bodies("t", 5), 20);
    }

    /** The group is not running: the broker stores the offset, the next consumer starts there. */
    private static void resetOffsetByTime(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String group = kit.named("g");
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "*", "old", 10);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = start(kit, group, topic, inbox);
        inbox.holdsExactly(Kit.bodies("old", 10), 20);
        consumer.shutdown();
        Map<MessageQueue, Long> reset =
            kit.admin().resetOffsetByTimestamp(topic, group, System.currentTimeMillis() - 600_000, true);
        equal(0L, reset.get(kit.queue(topic, 0)), "offset the broker answers");
        Inbox again = new Inbox();
        start(kit, group, topic, again);
        // 4.x waits for its next rebalance after it was told to pull elsewhere
        again.holdsExactly(Kit.bodies("old", 10), kit.settings().older() ? 50 : 20);
    }

    private static void resetOffsetOfRunningConsumer(Kit kit) throws Exception {
        String topic = kit.topic(2);
        String group = kit.named("g");
        DefaultMQProducer producer = kit.producer();
        Inbox inbox = new Inbox();
        start(kit, group, topic, inbox);
        kit.send(producer, topic, "*", "again", 10);
        inbox.holdsExactly(Kit.bodies("again", 10), 20);
        Map<MessageQueue, Long> reset =
            kit.admin().resetOffsetByTimestamp(topic, group, System.currentTimeMillis() - 600_000, true);
        equal(2, reset.size(), "queues reset");
        // a held pull learns of it when it is answered: by the next message, at the latest after 15 s
        kit.send(producer, topic, "*", "wake", 2);
        eventually("the old messages come again", 30, () -> inbox.messages().stream()
            .filter(message -> Inbox.bodyOf(message).startsWith("again-")).count() >= 20);
    }

    private static void cloneGroupOffset(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String from = kit.named("from");
        String to = kit.named("to");
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "*", "seen", 10);
        Inbox seen = new Inbox();
        DefaultMQPushConsumer consumer = start(kit, from, topic, seen);
        seen.holdsExactly(Kit.bodies("seen", 10), 20);
        Kit.finish(consumer);
        eventually("the offset of the first group is stored", 10, () ->
            kit.admin().examineConsumeStats(from, topic).getOffsetTable().get(kit.queue(topic, 0)).getConsumerOffset() == 10);
        // the target group must exist, or the offset of an unknown group may be cleaned
        Inbox before = new Inbox();
        DefaultMQPushConsumer target = start(kit, to, topic, before);
        before.holdsExactly(Kit.bodies("seen", 10), 20);
        Kit.finish(target);
        kit.admin().updateConsumeOffset(kit.settings().brokerAddr(), to, kit.queue(topic, 0), 3);
        kit.admin().cloneGroupOffset(from, to, topic, true);
        eventually("the second group stands where the first does", 10, () ->
            kit.admin().examineConsumeStats(to, topic).getOffsetTable().get(kit.queue(topic, 0)).getConsumerOffset() == 10);
    }

    private static void updateConsumeOffset(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String group = kit.named("g");
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "*", "m", 10);
        Inbox all = new Inbox();
        DefaultMQPushConsumer consumer = start(kit, group, topic, all);
        all.holdsExactly(Kit.bodies("m", 10), 20);
        consumer.shutdown();
        kit.admin().updateConsumeOffset(kit.settings().brokerAddr(), group, kit.queue(topic, 0), 7);
        Inbox rest = new Inbox();
        start(kit, group, topic, rest);
        rest.holdsExactly(List.of("m-7", "m-8", "m-9"), 20);
        check(rest.size() == 3, "only the rest");
    }
}
