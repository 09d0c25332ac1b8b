package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;
import static edgemq.interop.Kit.refused;

import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.exception.RequestTimeoutException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.remoting.exception.RemotingTooMuchRequestException;

/** What the server says no to, and that the client sees the code Apache gives. */
final class RefusalCases {
    private static final int MESSAGE_ILLEGAL = 13;
    private static final int NO_PERMISSION = 16;
    private static final int TOPIC_NOT_EXIST = 17;
    private static final int INVALID_PARAMETER = 29;
    private static final int CLIENT_TOPIC_NOT_FOUND = 10005;

    private RefusalCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("topicDoesNotExist", RefusalCases::topicDoesNotExist));
        cases.add(Case.together("messageTooLarge", RefusalCases::messageTooLarge));
        cases.add(Case.together("propertiesTooLarge", RefusalCases::propertiesTooLarge));
        cases.add(Case.together("illegalTopicName", RefusalCases::illegalTopicName));
        cases.add(Case.together("systemTopicRefused", RefusalCases::systemTopicRefused));
        cases.add(Case.together("queueOutOfRange", RefusalCases::queueOutOfRange));
        cases.add(Case.together("topicPermissions", RefusalCases::topicPermissions));
        cases.add(Case.together("requestTimesOut", RefusalCases::requestTimesOut));
        cases.add(Case.together("sendTimesOut", RefusalCases::sendTimesOut));
    }

    private static void topicDoesNotExist(Kit kit) throws Exception {
        String topic = kit.named("missing");
        DefaultMQProducer producer = kit.producer();
        producer.setCreateTopicKey(kit.named("no-template"));
        // 4.x looks the template's route up first; 5.x always sends to a broker that offers TBW102, which refuses
        int code = kit.settings().older() ? CLIENT_TOPIC_NOT_FOUND : TOPIC_NOT_EXIST;
        refused(code, topic, () -> producer.send(new Message(topic, bytes("x"))));
        refused(TOPIC_NOT_EXIST, topic, () -> kit.admin().examineTopicRouteInfo(topic));
        DefaultMQPullConsumer consumer = kit.startedPullConsumer();
        String known = kit.topic(1);
        kit.send(kit.producer(kit.named("others")), known, "*", "x", 1);
        // a pull of a topic that has a route makes the client know the broker's address
        consumer.fetchSubscribeMessageQueues(known);
        consumer.pull(kit.queue(known, 0), "*", 0, 1);
        refused(TOPIC_NOT_EXIST, "not exist", () -> consumer.pull(kit.queue(topic, 0), "*", 0, 1));
    }

    private static void messageTooLarge(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        producer.setMaxMessageSize(16 * 1024 * 1024);
        producer.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
        byte[] body = new byte[4 * 1024 * 1024 + 1];
        refused(MESSAGE_ILLEGAL, "", () -> producer.send(new Message(topic, body)));
        equal(0L, kit.messagesIn(topic, 1), "messages stored");
        kit.send(producer, topic, "*", "after", 1);
    }

    private static void propertiesTooLarge(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        Message message = new Message(topic, bytes("x"));
        message.putUserProperty("long", "p".repeat(40_000));
        refused(MESSAGE_ILLEGAL, "", () -> producer.send(message));
        equal(0L, kit.messagesIn(topic, 1), "messages stored");
    }

    private static void illegalTopicName(Kit kit) throws Exception {
        for (String name : List.of("../../etc/passwd", "a b", "a/b", "t".repeat(128), "$topic")) {
            try {
                kit.admin().createAndUpdateTopicConfig(kit.settings().brokerAddr(), new TopicConfig(name));
                throw new AssertionError("a topic of the name " + name + " was created");
            } catch (MQClientException expected) {
                check(expected.getResponseCode() == 29 || expected.getResponseCode() == 1, "code " + expected.getResponseCode());
            }
        }
    }

    private static void systemTopicRefused(Kit kit) throws Exception {
        for (String name : List.of("SCHEDULE_TOPIC_XXXX", "TBW102", "RMQ_SYS_TRANS_HALF_TOPIC")) {
            refused(29, "conflict with system topic", () ->
                kit.admin().createAndUpdateTopicConfig(kit.settings().brokerAddr(), new TopicConfig(name)));
        }
    }

    private static void queueOutOfRange(Kit kit) throws Exception {
        String topic = kit.topic(2);
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "*", "x", 2);
        refused(INVALID_PARAMETER, "queueId[99] is illegal", () -> producer.send(new Message(topic, bytes("x")), kit.queue(topic, 99)));
        equal(2L, kit.messagesIn(topic, 2), "messages stored");
    }

    private static void topicPermissions(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "*", "x", 1);
        TopicConfig readOnly = new TopicConfig(topic, 1, 1, 4);
        kit.admin().createAndUpdateTopicConfig(kit.settings().brokerAddr(), readOnly);
        // the broker does not look at the topic's permission when a message comes: the route tells clients
        eventually("a new producer finds no queue to send to", 10, () -> {
            try {
                kit.producer(kit.named("p" + System.nanoTime())).fetchPublishMessageQueues(topic);
                return false;
            } catch (MQClientException noRoute) {
                return noRoute.getMessage().contains("Can not find Message Queue");
            }
        });
        DefaultMQPullConsumer consumer = kit.startedPullConsumer();
        equal(1, consumer.pull(kit.queue(topic, 0), "*", 0, 1).getMsgFoundList().size(), "messages read");
        TopicConfig writeOnly = new TopicConfig(topic, 1, 1, 2);
        kit.admin().createAndUpdateTopicConfig(kit.settings().brokerAddr(), writeOnly);
        refused(NO_PERMISSION, "", () -> consumer.pull(kit.queue(topic, 0), "*", 0, 1));
    }

    /** request() sends an ordinary message and waits for a reply that nobody gives. */
    private static void requestTimesOut(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        long from = System.nanoTime();
        try {
            producer.request(new Message(topic, bytes("question")), 1000);
            throw new AssertionError("a reply came from nobody");
        } catch (RequestTimeoutException expected) {
            long millis = (System.nanoTime() - from) / 1_000_000;
            check(millis >= 900 && millis < 8000, "time-out after about 1 s, was " + millis + " ms");
        }
        equal(1L, kit.messagesIn(topic, 1), "the question is stored");
        kit.send(producer, topic, "*", "after", 1);
    }

    private static void sendTimesOut(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "*", "before", 1);
        try {
            producer.send(new Message(topic, bytes("x")), 0);
            throw new AssertionError("a send with no time at all was answered");
        } catch (RemotingTooMuchRequestException beforeSending) {
            check(beforeSending.getMessage().contains("timeout"), beforeSending.getMessage());
        } catch (MQClientException expected) {
            // while not even a millisecond has gone by the client tries three times before it gives up
            check(expected.getMessage().contains("still failed"), expected.getMessage());
        }
        kit.send(producer, topic, "*", "after", 1);
    }
}
