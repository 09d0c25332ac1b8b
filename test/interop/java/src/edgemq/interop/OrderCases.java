package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/** Orderly consumers: queues locked at the broker, one message after the other. */
final class OrderCases {
    private OrderCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("orderly", OrderCases::orderly));
        cases.add(Case.together("orderlySuspendsQueue", OrderCases::orderlySuspendsQueue));
        cases.add(Case.together("orderlyLockMoves", OrderCases::orderlyLockMoves));
        cases.add(Case.together("orderTopicConfig", OrderCases::orderTopicConfig));
        cases.add(Case.together("lockInBatch", OrderCases::lockInBatch));
        cases.add(Case.together("lockExpires", OrderCases::lockExpires));
    }

    private static void sendOrders(Kit kit, DefaultMQProducer producer, String topic, int orders, int from, int to)
        throws Exception {
        for (int step = from; step < to; step++) {
            for (int order = 0; order < orders; order++) {
                producer.send(
                    new Message(topic, bytes(order + ":" + step)),
                    (queues, message, argument) -> queues.get((Integer) argument % queues.size()),
                    order);
            }
        }
    }

    /** Every order's steps must have come as 0, 1, 2, … */
    private static void checkSteps(Inbox inbox, int orders, int steps) {
        Map<String, Integer> next = new HashMap<>();
        for (MessageExt message : inbox.messages()) {
            String[] parts = Inbox.bodyOf(message).split(":");
            equal(next.getOrDefault(parts[0], 0), Integer.valueOf(parts[1]), "next step of order " + parts[0]);
            next.merge(parts[0], 1, (count, one) -> count == 0 ? 1 : count + one);
        }
        equal(orders, next.size(), "orders received");
        for (Map.Entry<String, Integer> entry : next.entrySet()) equal(steps, entry.getValue(), "steps of order " + entry.getKey());
    }

    private static void orderly(Kit kit) throws Exception {
        String topic = kit.topic(4);
        sendOrders(kit, kit.producer(), topic, 8, 0, 20);
        DefaultMQPushConsumer consumer = kit.pushConsumer(kit.named("g"));
        Inbox inbox = new Inbox();
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.orderly());
        consumer.start();
        eventually("160 messages received", 20, () -> inbox.size() >= 160);
        checkSteps(inbox, 8, 20);
    }

    /** A message that can't be consumed yet holds up its queue, and comes again before the ones behind it. */
    private static void orderlySuspendsQueue(Kit kit) throws Exception {
        String topic = kit.topic(2);
        sendOrders(kit, kit.producer(), topic, 2, 0, 10);
        DefaultMQPushConsumer consumer = kit.pushConsumer(kit.named("g"));
        Inbox inbox = new Inbox();
        AtomicInteger refusals = new AtomicInteger();
        consumer.setSuspendCurrentQueueTimeMillis(50);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            if (Inbox.bodyOf(messages.get(0)).equals("0:4") && refusals.getAndIncrement() < 3) {
                return ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
            }
            inbox.addAll(messages);
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        eventually("20 messages received", 20, () -> inbox.size() >= 20);
        checkSteps(inbox, 2, 10);
        equal(4, refusals.get(), "times the held message was offered");
    }

    /** When a consumer leaves, its locks are released, and the next one goes on where it stopped. */
    private static void orderlyLockMoves(Kit kit) throws Exception {
        String topic = kit.topic(2);
        String group = kit.named("g");
        DefaultMQProducer producer = kit.producer();
        List<Inbox> inboxes = new ArrayList<>();
        DefaultMQPushConsumer[] consumers = new DefaultMQPushConsumer[2];
        for (int i = 0; i < 2; i++) {
            Inbox inbox = new Inbox();
            inboxes.add(inbox);
            consumers[i] = kit.pushConsumer(group);
            consumers[i].setInstanceName(kit.named("instance" + i));
            consumers[i].subscribe(topic, "*");
            consumers[i].registerMessageListener(inbox.orderly());
        }
        consumers[0].start();
        sendOrders(kit, producer, topic, 2, 0, 5);
        eventually("the first consumer has 10 messages", 20, () -> inboxes.get(0).size() == 10);
        consumers[0].shutdown();
        sendOrders(kit, producer, topic, 2, 5, 10);
        consumers[1].start();
        eventually("the second consumer has the next 10", 20, () -> inboxes.get(1).size() >= 10);
        Inbox all = new Inbox();
        for (Inbox inbox : inboxes) all.addAll(inbox.messages());
        checkSteps(all, 2, 10);
    }

    /** Where the nameserver has an order configuration, that says which queues a sender has, and not the topic. */
    private static void orderTopicConfig(Kit kit) throws Exception {
        String topic = kit.topic(4);
        DefaultMQProducer producer = kit.producer();
        equal(4, producer.fetchPublishMessageQueues(topic).size(), "queues of the topic");
        kit.admin().createAndUpdateKvConfig("ORDER_TOPIC_CONFIG", topic, Settings.BROKER + ":2");
        equal(Settings.BROKER + ":2", kit.admin().examineTopicRouteInfo(topic).getOrderTopicConf(), "in the route");
        eventually("a sender has those queues", 20, () -> kit.producer(kit.named("p" + System.nanoTime())).fetchPublishMessageQueues(topic).size() == 2);
        kit.admin().deleteKvConfig("ORDER_TOPIC_CONFIG", topic);
        equal(null, kit.admin().examineTopicRouteInfo(topic).getOrderTopicConf(), "in the route, when it is deleted");
    }

    /** LOCK_BATCH_MQ (41) or UNLOCK_BATCH_MQ (42). @return queue ids of the answer */
    private static Set<Integer> lock(Kit kit, DefaultMQProducer asker, int code, String topic, String client, int... ids) throws Exception {
        String queues = Arrays.stream(ids)
            .mapToObj(id -> "{\"topic\":\"" + topic + "\",\"brokerName\":\"" + Settings.BROKER + "\",\"queueId\":" + id + "}")
            .collect(Collectors.joining(","));
        RemotingCommand request = RemotingCommand.createRequestCommand(code, null);
        request.setBody(bytes("{\"consumerGroup\":\"" + kit.named("g") + "\",\"clientId\":\"" + client + "\",\"mqSet\":[" + queues + "]}"));
        RemotingCommand answer = asker.getDefaultMQProducerImpl().getmQClientFactory().getMQClientAPIImpl().getRemotingClient()
            .invokeSync(kit.settings().brokerAddr(), request, 10_000);
        equal(0, answer.getCode(), "code of an answer to " + code);
        Set<Integer> locked = new TreeSet<>();
        if (answer.getBody() == null) return locked;
        Matcher matcher = Pattern.compile("\"queueId\":(\\d+)").matcher(new String(answer.getBody()));
        while (matcher.find()) locked.add(Integer.valueOf(matcher.group(1)));
        return locked;
    }

    /** A queue belongs to one client of a group, until it gives it up. */
    private static void lockInBatch(Kit kit) throws Exception {
        String topic = kit.topic(4);
        DefaultMQProducer asker = kit.producer();
        equal(Set.of(0, 1, 2), lock(kit, asker, 41, topic, "one", 0, 1, 2), "what the first client gets");
        equal(Set.of(3), lock(kit, asker, 41, topic, "two", 1, 2, 3), "what is left for the second");
        equal(Set.of(0, 1, 2), lock(kit, asker, 41, topic, "one", 0, 1, 2, 3), "the first client's again");
        lock(kit, asker, 42, topic, "two", 0, 1, 2, 3);
        equal(Set.of(0, 1, 2, 3), lock(kit, asker, 41, topic, "one", 0, 1, 2, 3), "what the second gave up");
        equal(Set.of(), lock(kit, asker, 41, topic, "two", 0, 1), "which others' it could not");
    }

    /** A client that is gone without a word keeps its queues for a minute after it renewed them last. */
    private static void lockExpires(Kit kit) throws Exception {
        String topic = kit.topic(2);
        DefaultMQProducer asker = kit.producer();
        long lockedAt = System.nanoTime();
        equal(Set.of(0, 1), lock(kit, asker, 41, topic, "gone", 0, 1), "what the first client gets");
        TimeUnit.SECONDS.sleep(5);
        equal(Set.of(1), lock(kit, asker, 41, topic, "gone", 1), "what it renews");
        while (secondsSince(lockedAt) < 58) {
            equal(Set.of(), lock(kit, asker, 41, topic, "next", 0, 1), "what another gets after " + secondsSince(lockedAt) + " s");
            TimeUnit.SECONDS.sleep(2);
        }
        eventually("the queue that was not renewed is free", 8, () -> lock(kit, asker, 41, topic, "next", 0, 1).equals(Set.of(0)));
        long after = secondsSince(lockedAt);
        check(after >= 60 && after < 64, "after a minute, not " + after + " s");
        eventually("the other one is free", 8, () -> lock(kit, asker, 41, topic, "next", 0, 1).equals(Set.of(0, 1)));
        check(secondsSince(lockedAt) >= 65, "a minute after it was renewed");
        equal(Set.of(), lock(kit, asker, 41, topic, "gone", 0, 1), "what the first one gets when it comes back");
    }

    private static long secondsSince(long nanos) {
        return TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - nanos);
    }
}
