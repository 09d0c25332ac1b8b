package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/** Static topics whose logic queues mqadmin moves from one of two brokers to the other (servers {@code two brokers}). */
final class StaticTopicCases {
    private static final int NOT_LEADER_FOR_QUEUE = 501;
    private static final int GET_MAX_OFFSET = 30;
    private static final String OTHER = "broker-b";

    private StaticTopicCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.named("staticTopicMoved", StaticTopicCases::moved));
        cases.add(Case.named("staticTopicPop", StaticTopicCases::pop));
    }

    /** A topic of two logic queues at the first broker. */
    private static String topic(Kit kit) throws Exception {
        if (kit.settings().older()) throw new Case.Skipped("clients before 5.0 know no static topics");
        eventually("both brokers are there", 30, () ->
            kit.admin().examineBrokerClusterInfo().getBrokerAddrTable().containsKey(OTHER));
        String topic = kit.named("t");
        AdminCommandCases.run(kit, "updateStaticTopic -t " + topic + " -qn 2 -b " + Settings.BROKER);
        kit.routeExists(topic);
        return topic;
    }

    private static void move(Kit kit, String topic, String broker) {
        String printed = AdminCommandCases.printed(kit, "remappingStaticTopic -t " + topic + " -b " + broker, null);
        check(!printed.contains("Exception"), "remappingStaticTopic prints no exception: " + printed);
    }

    /** What is sent, and where it came to lie. */
    private static final class Sender {
        final DefaultMQProducer producer;
        final String topic;
        final List<MessageQueue> queues;
        final List<String> bodies = new ArrayList<>();

        Sender(Kit kit, String topic) throws Exception {
            this.topic = topic;
            producer = kit.producer();
            eventually("two logic queues", 20, () -> producer.fetchPublishMessageQueues(topic).size() == 2);
            queues = new ArrayList<>(producer.fetchPublishMessageQueues(topic));
            Collections.sort(queues);
        }

        /** Three into each queue. The first ones may meet a broker that does not lead the queue any more, or not yet. */
        long[] send(String broker, String label) throws Exception {
            long[] first = new long[queues.size()];
            for (MessageQueue queue : queues) {
                for (int i = 0; i < 3; i++) {
                    String body = label + "-" + queue.getQueueId() + "-" + i;
                    SendResult[] sent = {null};
                    eventually(broker + " takes " + body, 30, () -> {
                        try {
                            sent[0] = producer.send(new Message(topic, bytes(body)), queue);
                            return true;
                        } catch (MQBrokerException e) {
                            if (e.getResponseCode() != NOT_LEADER_FOR_QUEUE) throw e;
                            return false;
                        }
                    });
                    bodies.add(body);
                    equal(broker, sent[0].getMessageQueue().getBrokerName(), "broker of " + body);
                    equal(queue.getQueueId(), sent[0].getMessageQueue().getQueueId(), "queue of " + body);
                    if (i == 0) first[queue.getQueueId()] = sent[0].getQueueOffset();
                    equal(first[queue.getQueueId()] + i, sent[0].getQueueOffset(), "logic offset of " + body);
                }
            }
            Collections.sort(bodies);
            return first;
        }

        int maxOffsetAt(String addr, MessageQueue queue) throws Exception {
            RemotingCommand request = RemotingCommand.createRequestCommand(GET_MAX_OFFSET, null);
            request.addExtField("topic", topic);
            request.addExtField("queueId", String.valueOf(queue.getQueueId()));
            return producer.getDefaultMQProducerImpl().getMqClientFactory().getMQClientAPIImpl().getRemotingClient()
                .invokeSync(addr, request, 3_000).getCode();
        }
    }

    private static String addressOf(Kit kit, String broker) throws Exception {
        return kit.admin().examineBrokerClusterInfo().getBrokerAddrTable().get(broker).getBrokerAddrs().get(0L);
    }

    private static void moved(Kit kit) throws Exception {
        String topic = topic(kit);
        Sender sender = new Sender(kit, topic);
        for (long first : sender.send(Settings.BROKER, "before")) equal(0L, first, "first logic offset");
        Inbox all = kit.consume(kit.named("all"), topic, "*");
        all.holdsExactly(sender.bodies, 30);

        move(kit, topic, OTHER);
        for (long first : sender.send(OTHER, "moved")) check(first >= 3, "a logic offset behind the first three: " + first);
        for (MessageQueue queue : sender.queues) {
            equal(NOT_LEADER_FOR_QUEUE, sender.maxOffsetAt(addressOf(kit, Settings.BROKER), queue), "code of the broker before");
            equal(0, sender.maxOffsetAt(addressOf(kit, OTHER), queue), "code of the leader");
        }
        all.holdsExactly(sender.bodies, 60);
        kit.consume(kit.named("late"), topic, "*").holdsExactly(sender.bodies, 60);

        move(kit, topic, Settings.BROKER);
        long[] first = sender.send(Settings.BROKER, "back");
        all.holdsExactly(sender.bodies, 60);
        kit.consume(kit.named("later"), topic, "*").holdsExactly(sender.bodies, 60);
        DefaultMQPullConsumer consumer = kit.startedPullConsumer();
        for (MessageQueue queue : sender.queues) {
            equal(0L, consumer.minOffset(queue), "min offset");
            equal(first[queue.getQueueId()] + 3, consumer.maxOffset(queue), "max offset");
        }
    }

    private static void pop(Kit kit) throws Exception {
        String topic = topic(kit);
        String group = kit.named("g");
        Sender sender = new Sender(kit, topic);
        sender.send(Settings.BROKER, "before");
        move(kit, topic, OTHER);
        sender.send(OTHER, "moved");
        for (String broker : List.of(Settings.BROKER, OTHER)) PopCases.popMode(kit, addressOf(kit, broker), topic, group, 0);
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        consumer.subscribe(topic, "*");
        PopCases.set(consumer, "setClientRebalance", boolean.class, false);
        Inbox inbox = new Inbox();
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        inbox.holdsExactly(sender.bodies, 40);
        check(inbox.messages().stream().allMatch(message -> message.getProperty("POP_CK") != null), "each came by POP");
    }
}
