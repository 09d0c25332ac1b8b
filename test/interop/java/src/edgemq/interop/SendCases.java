package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Every way of sending, and that what was sent is what arrives. */
final class SendCases {
    private SendCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("syncSend", SendCases::syncSend));
        cases.add(Case.together("asyncSend", SendCases::asyncSend));
        cases.add(Case.together("onewaySend", SendCases::onewaySend));
        cases.add(Case.together("batchSend", SendCases::batchSend));
        cases.add(Case.together("selectorSend", SendCases::selectorSend));
        cases.add(Case.together("asyncSelectorSend", SendCases::asyncSelectorSend));
        cases.add(Case.together("bigBodies", SendCases::bigBodies));
        cases.add(Case.together("propertiesArrive", SendCases::propertiesArrive));
        cases.add(Case.together("topicIsAutoCreated", SendCases::topicIsAutoCreated));
        cases.add(Case.together("vipChannel", SendCases::vipChannel));
        cases.add(Case.together("manyThreadsSend", SendCases::manyThreadsSend));
    }

    private static void syncSend(Kit kit) throws Exception {
        String topic = kit.topic(4);
        DefaultMQProducer producer = kit.producer();
        List<SendResult> results = kit.send(producer, topic, "TagA", "sync", 20);
        Set<String> ids = new HashSet<>();
        Set<Integer> queues = new HashSet<>();
        long[] nextOffset = new long[4];
        for (SendResult result : results) {
            ids.add(result.getMsgId());
            ids.add(result.getOffsetMsgId());
            int queue = result.getMessageQueue().getQueueId();
            queues.add(queue);
            equal(nextOffset[queue]++, result.getQueueOffset(), "queue offset in queue " + queue);
            equal("DefaultRegion", result.getRegionId(), "region");
        }
        equal(40, ids.size(), "distinct message ids and offset message ids");
        equal(4, queues.size(), "queues used in turn");
        kit.consume(kit.named("g"), topic, "*").holdsExactly(Kit.bodies("sync", 20), 20);
    }

    private static void asyncSend(Kit kit) throws Exception {
        String topic = kit.topic(4);
        DefaultMQProducer producer = kit.producer();
        CountDownLatch answered = new CountDownLatch(200);
        AtomicInteger ok = new AtomicInteger();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        for (int i = 0; i < 200; i++) {
            producer.send(new Message(topic, bytes("async-" + i)), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    if (result.getSendStatus() == SendStatus.SEND_OK) ok.incrementAndGet();
                    answered.countDown();
                }

                @Override
                public void onException(Throwable e) {
                    failure.set(e);
                    answered.countDown();
                }
            });
        }
        check(answered.await(20, TimeUnit.SECONDS), "every callback was called");
        equal(null, failure.get(), "failure");
        equal(200, ok.get(), "messages stored");
        kit.consume(kit.named("g"), topic, "*").holdsExactly(Kit.bodies("async", 200), 20);
    }

    private static void onewaySend(Kit kit) throws Exception {
        String topic = kit.topic(2);
        DefaultMQProducer producer = kit.producer();
        for (int i = 0; i < 50; i++) producer.sendOneway(new Message(topic, bytes("oneway-" + i)));
        eventually("50 messages are in the queues", 20, () -> kit.messagesIn(topic, 2) == 50);
        kit.consume(kit.named("g"), topic, "*").holdsExactly(Kit.bodies("oneway", 50), 20);
    }

    private static void batchSend(Kit kit) throws Exception {
        String topic = kit.topic(2);
        DefaultMQProducer producer = kit.producer();
        List<Message> batch = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            Message message = new Message(topic, "Tag" + i % 2, "key" + i, bytes("batch-" + i));
            message.putUserProperty("number", String.valueOf(i));
            batch.add(message);
        }
        SendResult result = producer.send(batch, kit.queue(topic, 1));
        equal(SendStatus.SEND_OK, result.getSendStatus(), "send status");
        equal(10, result.getMsgId().split(",").length, "message ids in " + result.getMsgId());
        equal(10, result.getOffsetMsgId().split(",").length, "offset message ids in " + result.getOffsetMsgId());
        equal(0L, result.getQueueOffset(), "queue offset of the first");
        equal(10L, kit.admin().maxOffset(kit.queue(topic, 1)), "max offset after the batch");
        Inbox inbox = kit.consume(kit.named("g"), topic, "Tag1");
        inbox.holdsExactly(List.of("batch-1", "batch-3", "batch-5", "batch-7", "batch-9"), 20);
        List<String> ids = Arrays.asList(result.getMsgId().split(","));
        for (MessageExt message : inbox.messages()) {
            equal(message.getUserProperty("number"), String.valueOf(message.getQueueOffset()), "queue offset");
            equal(ids.get((int) message.getQueueOffset()), message.getMsgId(), "message id");
        }
    }

    private static void selectorSend(Kit kit) throws Exception {
        String topic = kit.topic(4);
        DefaultMQProducer producer = kit.producer();
        for (int order = 0; order < 12; order++) {
            SendResult result = producer.send(
                new Message(topic, bytes("selected-" + order)),
                (queues, message, argument) -> queues.get((Integer) argument % queues.size()),
                order);
            equal(order % 4, result.getMessageQueue().getQueueId(), "queue of order " + order);
            equal((long) order / 4, result.getQueueOffset(), "queue offset of order " + order);
        }
        SendResult direct = producer.send(new Message(topic, bytes("direct")), kit.queue(topic, 2));
        equal(3L, direct.getQueueOffset(), "queue offset of a message sent to a queue by name");
    }

    private static void asyncSelectorSend(Kit kit) throws Exception {
        String topic = kit.topic(3);
        DefaultMQProducer producer = kit.producer();
        CountDownLatch answered = new CountDownLatch(30);
        AtomicInteger rightQueue = new AtomicInteger();
        for (int i = 0; i < 30; i++) {
            int wanted = i % 3;
            producer.send(
                new Message(topic, bytes("selected-" + i)),
                (queues, message, argument) -> queues.get((Integer) argument),
                wanted,
                new SendCallback() {
                    @Override
                    public void onSuccess(SendResult result) {
                        if (result.getMessageQueue().getQueueId() == wanted) rightQueue.incrementAndGet();
                        answered.countDown();
                    }

                    @Override
                    public void onException(Throwable e) {
                        answered.countDown();
                    }
                });
        }
        check(answered.await(20, TimeUnit.SECONDS), "every callback was called");
        equal(30, rightQueue.get(), "messages in the queue that was selected");
        for (int i = 0; i < 3; i++) {
            MessageQueue queue = kit.queue(topic, i);
            // Apache answers before the message stands in its queue
            eventually("ten messages are in " + queue, 10, () -> kit.admin().maxOffset(queue) == 10);
        }
    }

    /** Bodies over 4 KiB go compressed; the consumer sees them as they were. */
    private static void bigBodies(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        byte[] compressible = new byte[300 * 1024];
        Arrays.fill(compressible, (byte) 'x');
        byte[] random = new byte[3 * 1024 * 1024];
        new Random(7).nextBytes(random);
        byte[] justOver = Arrays.copyOf(random, 4097);
        List<byte[]> bodies = List.of(compressible, random, justOver);
        for (byte[] body : bodies) producer.send(new Message(topic, body));
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        eventually("three bodies received", 20, () -> inbox.size() == 3);
        for (MessageExt message : inbox.messages()) {
            byte[] sent = bodies.get((int) message.getQueueOffset());
            check(Arrays.equals(sent, message.getBody()), "body of " + sent.length + " bytes arrives unchanged");
        }
        long stored = inbox.messages().stream().filter(m -> m.getQueueOffset() == 0).findFirst().orElseThrow().getStoreSize();
        check(stored < 10_000, "300 KiB of one letter are stored compressed: " + stored + " bytes");
    }

    private static void propertiesArrive(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String group = kit.named("producers");
        DefaultMQProducer producer = kit.producer(group);
        Message message = new Message(topic, "Tägß", "schlüssel 鍵", bytes("körper 体"));
        message.putUserProperty("user", "wert mit blanks = und \u00e9\u4e2d\ud83d\ude00");
        message.setFlag(0x1234);
        message.setBuyerId("buyer");
        long before = System.currentTimeMillis();
        SendResult result = producer.send(message);
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        eventually("the message is received", 20, () -> inbox.size() > 0);
        MessageExt received = inbox.only();
        equal("Tägß", received.getTags(), "tags");
        equal("schlüssel 鍵", received.getKeys(), "keys");
        equal("körper 体", Inbox.bodyOf(received), "body");
        equal("wert mit blanks = und \u00e9\u4e2d\ud83d\ude00", received.getUserProperty("user"), "user property");
        equal(0x1234, received.getFlag(), "flag");
        equal("buyer", received.getBuyerId(), "buyer id");
        equal(topic, received.getTopic(), "topic");
        equal(result.getMsgId(), received.getMsgId(), "message id");
        equal(Settings.BROKER, received.getBrokerName(), "broker name");
        equal(0, received.getReconsumeTimes(), "reconsume times");
        equal(result.getQueueOffset(), received.getQueueOffset(), "queue offset");
        equal(Settings.CLUSTER, received.getProperty("CLUSTER"), "property CLUSTER");
        check(Math.abs(received.getStoreTimestamp() - before) < 30_000, "store time is now");
        check(received.getBornTimestamp() >= before && received.getBornTimestamp() <= System.currentTimeMillis(), "born time");
        check(received.getBornHost().toString().contains("/"), "born host " + received.getBornHost());
        String storePort = ":" + kit.settings().brokerAddr().replaceAll(".*:", "");
        check(received.getStoreHost().toString().endsWith(storePort), "store host " + received.getStoreHost());
    }

    private static void topicIsAutoCreated(Kit kit) throws Exception {
        String topic = kit.named("fresh");
        DefaultMQProducer producer = kit.producer();
        producer.setDefaultTopicQueueNums(6);
        SendResult result = producer.send(new Message(topic, bytes("first")));
        equal(SendStatus.SEND_OK, result.getSendStatus(), "send status");
        kit.routeExists(topic);
        equal(6, kit.admin().examineTopicRouteInfo(topic).getQueueDatas().get(0).getWriteQueueNums(), "write queues");
        kit.consume(kit.named("g"), topic, "*").holdsExactly(List.of("first"), 20);
    }

    /** Older clients dial listenPort − 2 by default, newer ones when asked to. */
    private static void vipChannel(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = new DefaultMQProducer(kit.named("p"));
        producer.setNamesrvAddr(kit.settings().namesrvAddr());
        producer.setVipChannelEnabled(true);
        producer.setSendMsgTimeout(10_000);
        producer.start();
        try {
            SendResult sent = kit.send(producer, topic, "*", "vip", 5).get(2);
            equal("vip-2", Inbox.bodyOf(producer.viewMessage(topic, sent.getOffsetMsgId())), "body viewed by id");
        } finally {
            producer.shutdown();
        }
        kit.consume(kit.named("g"), topic, "*").holdsExactly(Kit.bodies("vip", 5), 20);
    }

    private static void manyThreadsSend(Kit kit) throws Exception {
        String topic = kit.topic(4);
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "*", "connected", 1);
        List<Thread> threads = new ArrayList<>();
        AtomicInteger ok = new AtomicInteger();
        AtomicReference<Exception> failure = new AtomicReference<>();
        for (int t = 0; t < 16; t++) {
            int thread = t;
            threads.add(new Thread(() -> {
                try {
                    for (int i = 0; i < 25; i++) {
                        SendResult result = producer.send(new Message(topic, bytes("many-" + (thread * 25 + i))));
                        if (result.getSendStatus() == SendStatus.SEND_OK) ok.incrementAndGet();
                    }
                } catch (Exception e) {
                    failure.set(e);
                }
            }));
        }
        for (Thread thread : threads) thread.start();
        for (Thread thread : threads) thread.join();
        if (failure.get() != null) throw failure.get();
        equal(400, ok.get(), "messages stored");
        equal(401L, kit.messagesIn(topic, 4), "messages in the queues");
        List<String> expected = Kit.bodies("many", 400);
        expected.add("connected-0");
        kit.consume(kit.named("g"), topic, "*").holdsExactly(expected, 20);
    }
}
