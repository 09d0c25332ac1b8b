package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.RemotingSerializable;

/** What 5.x lets an operator say of a topic or a group: priorities, retry policies. */
@SuppressWarnings("deprecation")
final class GroupCases {
    private GroupCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("priorityChoosesQueue", GroupCases::priorityChoosesQueue));
        cases.add(Case.together("priorityOfOtherMessages", GroupCases::priorityOfOtherMessages));
        // Java's tools can't read Apache's list of topics any more when it has a static one.
        cases.add(Case.alone("staticTopic", GroupCases::staticTopic));
        cases.add(Case.together("groupRetryPolicy", GroupCases::groupRetryPolicy));
    }

    private static void needs5(Kit kit) throws Exception {
        if (kit.settings().older()) throw new Case.Skipped("clients before 5.0 know no topic attributes and no retry policies");
    }

    private static String topicOfType(Kit kit, String type) throws Exception {
        String topic = kit.named("t");
        TopicConfig config = new TopicConfig(topic);
        config.setReadQueueNums(4);
        config.setWriteQueueNums(4);
        TopicConfig.class.getMethod("setAttributes", Map.class).invoke(config, Map.of("+message.type", type));
        kit.admin().createAndUpdateTopicConfig(kit.settings().brokerAddr(), config);
        kit.routeExists(topic);
        return topic;
    }

    private static SendResult sendWith(DefaultMQProducer producer, String topic, String priority) throws Exception {
        Message message = new Message(topic, bytes("p" + priority));
        MessageAccessor.putProperty(message, "_SYS_MSG_PRIORITY_", priority);
        return producer.send(message);
    }

    /** The priority is the queue, the highest at most; where the message lies and what the sender is told agree. */
    private static void priorityChoosesQueue(Kit kit) throws Exception {
        needs5(kit);
        String topic = topicOfType(kit, "PRIORITY");
        DefaultMQProducer producer = kit.producer();
        DefaultMQPullConsumer consumer = kit.startedPullConsumer();
        for (String[] expected : new String[][] {{"0", "0"}, {"2", "2"}, {"3", "3"}, {"9", "3"}}) {
            int queueId = Integer.parseInt(expected[1]);
            SendResult sent = sendWith(producer, topic, expected[0]);
            equal(queueId, sent.getMessageQueue().getQueueId(), "queue of priority " + expected[0]);
            MessageExt found = pulled(consumer, kit.queue(topic, queueId), sent.getQueueOffset());
            equal("p" + expected[0], Inbox.bodyOf(found), "body");
            equal(expected[0], found.getProperty("_SYS_MSG_PRIORITY_"), "property");
        }
    }

    /** It is the message's type that counts, not the topic's: an ordered one loses its priority. */
    private static void priorityOfOtherMessages(Kit kit) throws Exception {
        needs5(kit);
        String topic = topicOfType(kit, "NORMAL");
        DefaultMQProducer producer = kit.producer();
        equal(3, sendWith(producer, topic, "7").getMessageQueue().getQueueId(), "queue in a NORMAL topic");
        Message message = new Message(topic, bytes("ordered"));
        MessageAccessor.putProperty(message, "__SHARDINGKEY", "key");
        MessageAccessor.putProperty(message, "_SYS_MSG_PRIORITY_", "3");
        SendResult sent = producer.send(message, kit.queue(topic, 1));
        equal(1, sent.getMessageQueue().getQueueId(), "queue, as asked for");
        MessageExt found = pulled(kit.startedPullConsumer(), kit.queue(topic, 1), sent.getQueueOffset());
        equal(sent.getMsgId(), found.getMsgId(), "message id");
        equal(null, found.getProperty("_SYS_MSG_PRIORITY_"), "property, taken off");
    }

    /** Apache answers a send before the message stands in its queue. */
    private static MessageExt pulled(DefaultMQPullConsumer consumer, MessageQueue queue, long offset) throws Exception {
        List<MessageExt> found = new ArrayList<>();
        eventually("a message at " + offset + " of " + queue, 10, () -> {
            List<MessageExt> now = consumer.pull(queue, "*", offset, 1).getMsgFoundList();
            return now != null && found.addAll(now);
        });
        return found.get(0);
    }

    /** Logic queues by {@code updateStaticTopic}: numbered over the cluster, and known to clients under a name of their own. */
    private static void staticTopic(Kit kit) throws Exception {
        needs5(kit);
        String topic = kit.named("t");
        AdminCommandCases.run(kit, "updateStaticTopic -t " + topic + " -qn 3 -c DefaultCluster");
        kit.routeExists(topic);
        DefaultMQProducer producer = kit.producer();
        eventually("three logic queues", 20, () -> producer.fetchPublishMessageQueues(topic).size() == 3);
        List<MessageQueue> queues = new ArrayList<>(producer.fetchPublishMessageQueues(topic));
        List<String> expected = new ArrayList<>();
        for (MessageQueue queue : queues) {
            equal("__syslo__global__", queue.getBrokerName(), "broker's name of a logic queue");
            for (int i = 0; i < 2; i++) {
                String body = queue.getQueueId() + "-" + i;
                expected.add(body);
                SendResult sent = producer.send(new Message(topic, bytes(body)), queue);
                equal(queue.getQueueId(), sent.getMessageQueue().getQueueId(), "queue of the answer");
                equal(Settings.BROKER, sent.getMessageQueue().getBrokerName(), "broker of the answer");
                equal((long) i, sent.getQueueOffset(), "logic offset");
            }
        }
        Collections.sort(expected);
        kit.consume(kit.named("g"), topic, "*").holdsExactly(expected, 20);
        DefaultMQPullConsumer consumer = kit.startedPullConsumer();
        for (MessageQueue queue : queues) {
            eventually("max offset", 10, () -> consumer.maxOffset(queue) == 2);
            equal(0L, consumer.minOffset(queue), "min offset");
            PullResult found = consumer.pull(queue, "*", 1, 8);
            equal(queue.getQueueId() + "-1", Inbox.bodyOf(found.getMsgFoundList().get(0)), "second message");
            equal(2L, found.getNextBeginOffset(), "next offset");
            equal(PullStatus.NO_NEW_MSG, consumer.pull(queue, "*", 50, 8).getPullStatus(), "beyond the end");
            consumer.updateConsumeOffset(queue, 1);
            consumer.getDefaultMQPullConsumerImpl().getOffsetStore().persist(queue);
            eventually("the committed offset", 10, () -> consumer.fetchConsumeOffset(queue, true) == 1);
        }
    }

    /** The policy is kept and shown; a message that a remoting consumer sends back comes after the levels all the same. */
    private static void groupRetryPolicy(Kit kit) throws Exception {
        needs5(kit);
        String topic = kit.topic(1);
        String group = kit.named("g");
        Class<?> type = Class.forName("org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig");
        Object config = RemotingSerializable.class.getMethod("fromJson", String.class, Class.class).invoke(
            null,
            "{\"groupName\":\"" + group + "\",\"groupRetryPolicy\":{\"type\":\"CUSTOMIZED\","
                + "\"customizedRetryPolicy\":{\"next\":[600000,700000]}}}",
            type);
        kit.admin().getClass().getMethod("createAndUpdateSubscriptionGroupConfig", String.class, type)
            .invoke(kit.admin(), kit.settings().brokerAddr(), config);
        eventually("the policy is shown", 10, () -> {
            Object found = kit.admin().getClass().getMethod("examineSubscriptionGroupConfig", String.class, String.class)
                .invoke(kit.admin(), kit.settings().brokerAddr(), group);
            return found != null && RemotingSerializable.toJson(found, false).contains("[600000,700000]");
        });
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        Inbox refused = new Inbox();
        Inbox taken = new Inbox();
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            if (messages.get(0).getReconsumeTimes() == 0) {
                refused.addAll(messages);
                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            }
            taken.addAll(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        Kit.readsRetryTopic(consumer);
        kit.send(kit.producer(), topic, "TagA", "again", 1);
        eventually("the message comes again in the time of its level", 30, () -> taken.size() == 1);
        equal(1, refused.size(), "comings before");
        check(taken.only().getProperty("DELAY") != null, "it was delayed by a level");
    }
}
