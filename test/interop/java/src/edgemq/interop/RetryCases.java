package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;
import static edgemq.interop.Kit.neverWithin;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Messages that come again, end up in the dead-letter queue, or come later. The broker's delay levels 1–8 are 1–3 s. */
@SuppressWarnings("deprecation")
final class RetryCases {
    private RetryCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("retryLater", RetryCases::retryLater));
        cases.add(Case.together("retryWithDelayLevel", RetryCases::retryWithDelayLevel));
        cases.add(Case.together("deadLetter", RetryCases::deadLetter));
        cases.add(Case.together("orderlyDeadLetter", RetryCases::orderlyDeadLetter));
        cases.add(Case.together("pullConsumerSendsBack", RetryCases::pullConsumerSendsBack));
        cases.add(Case.together("delayLevel", RetryCases::delayLevel));
    }

    private static void retryLater(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String group = kit.named("g");
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        Inbox refused = new Inbox();
        Inbox taken = new Inbox();
        consumer.subscribe(topic, "TagA");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            if (messages.get(0).getReconsumeTimes() < 2) {
                refused.addAll(messages);
                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            }
            taken.addAll(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        Kit.readsRetryTopic(consumer);
        SendResult sent = kit.send(kit.producer(), topic, "TagA", "again", 1).get(0);
        eventually("the message is taken at its third coming", 30, () -> taken.size() == 1);
        MessageExt message = taken.only();
        equal(2, refused.size(), "comings before");
        equal(topic, message.getTopic(), "topic, as it was sent");
        equal("again-0", Inbox.bodyOf(message), "body");
        equal(sent.getMsgId(), message.getMsgId(), "message id");
        equal("TagA", message.getTags(), "tags");
        equal(topic, message.getProperty("RETRY_TOPIC"), "property RETRY_TOPIC");
        equal(sent.getOffsetMsgId(), message.getProperty("ORIGIN_MESSAGE_ID"), "property ORIGIN_MESSAGE_ID");
        check(kit.admin().examineTopicRouteInfo("%RETRY%" + group).getQueueDatas().size() == 1, "the retry topic has a route");
    }

    /** The listener may choose the level of the next coming. */
    private static void retryWithDelayLevel(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQPushConsumer consumer = kit.pushConsumer(kit.named("g"));
        Inbox taken = new Inbox();
        long[] refusedAt = {0};
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            if (messages.get(0).getReconsumeTimes() == 0) {
                refusedAt[0] = System.nanoTime();
                context.setDelayLevelWhenNextConsume(2);
                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            }
            taken.addAll(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        Kit.readsRetryTopic(consumer);
        kit.send(kit.producer(), topic, "*", "later", 1);
        eventually("the message comes again", 30, () -> taken.size() == 1);
        long millis = (System.nanoTime() - refusedAt[0]) / 1_000_000;
        check(millis >= 1900, "not before the 2 s of level 2: " + millis + " ms");
    }

    private static MessageExt deadLetterOf(Kit kit, String group) throws Exception {
        String topic = "%DLQ%" + group;
        kit.routeExists(topic);
        DefaultMQPullConsumer consumer = kit.startedPullConsumer();
        Inbox inbox = new Inbox();
        eventually("a message lies in " + topic, 20, () -> {
            consumer.fetchSubscribeMessageQueues(topic);
            var result = consumer.pull(kit.queue(topic, 0), "*", 0, 32);
            if (result.getMsgFoundList() != null) inbox.addAll(result.getMsgFoundList());
            return inbox.size() > 0;
        });
        return inbox.only();
    }

    private static void deadLetter(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String group = kit.named("g");
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        AtomicInteger comings = new AtomicInteger();
        consumer.setMaxReconsumeTimes(1);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            comings.incrementAndGet();
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        consumer.start();
        Kit.readsRetryTopic(consumer);
        SendResult sent = kit.send(kit.producer(), topic, "TagA", "dead", 1).get(0);
        eventually("the message came twice", 30, () -> comings.get() == 2);
        MessageExt dead = deadLetterOf(kit, group);
        equal("dead-0", Inbox.bodyOf(dead), "body");
        equal(sent.getMsgId(), dead.getMsgId(), "message id");
        equal(topic, dead.getProperty("RETRY_TOPIC"), "property RETRY_TOPIC");
        equal(sent.getOffsetMsgId(), dead.getProperty("ORIGIN_MESSAGE_ID"), "property ORIGIN_MESSAGE_ID");
        neverWithin(500, "a dead message comes again", () -> comings.get() > 2);
    }

    /** An orderly consumer that gives up sends the message to the retry topic itself; the broker moves it on. */
    private static void orderlyDeadLetter(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String group = kit.named("g");
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        Inbox taken = new Inbox();
        consumer.setMaxReconsumeTimes(1);
        consumer.setSuspendCurrentQueueTimeMillis(50);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            if (Inbox.bodyOf(messages.get(0)).equals("stuck-0")) return ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
            taken.addAll(messages);
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        Kit.readsRetryTopic(consumer);
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "*", "stuck", 1);
        kit.send(producer, topic, "*", "behind", 3);
        taken.holdsExactly(Kit.bodies("behind", 3), 30);
        equal("stuck-0", Inbox.bodyOf(deadLetterOf(kit, group)), "body of the dead letter");
    }

    private static void pullConsumerSendsBack(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String group = kit.named("g");
        kit.send(kit.producer(), topic, "*", "back", 1);
        DefaultMQPullConsumer puller = kit.pullConsumer(group);
        puller.start();
        puller.fetchSubscribeMessageQueues(topic);
        MessageExt message = puller.pull(kit.queue(topic, 0), "*", 0, 1).getMsgFoundList().get(0);
        puller.sendMessageBack(message, 1);
        kit.routeExists("%RETRY%" + group);
        eventually("the message lies in the retry topic", 20, () -> kit.messagesIn("%RETRY%" + group, 1) == 1);
    }

    private static void delayLevel(Kit kit) throws Exception {
        String topic = kit.topic(2);
        DefaultMQProducer producer = kit.producer();
        Inbox inbox = kit.consume(kit.named("g"), topic, "TagA");
        kit.send(producer, topic, "TagA", "now", 1);
        inbox.holdsExactly(Kit.bodies("now", 1), 20);
        long from = System.currentTimeMillis();
        for (int level = 1; level <= 2; level++) {
            Message message = new Message(topic, "TagA", "key" + level, bytes("level-" + level));
            message.setDelayTimeLevel(level);
            producer.send(message);
        }
        eventually("both messages are received", 20, () -> inbox.size() == 3);
        for (MessageExt message : inbox.messages()) {
            if (message.getDelayTimeLevel() == 0) continue;
            int level = message.getDelayTimeLevel();
            equal("level-" + level, Inbox.bodyOf(message), "body");
            long delay = message.getStoreTimestamp() - from;
            check(delay >= level * 1000 - 50 && delay < level * 1000 + 5000, "level " + level + " took " + delay + " ms");
            equal(topic, message.getTopic(), "topic");
            equal(topic, message.getProperty("REAL_TOPIC"), "property REAL_TOPIC");
        }
    }
}
