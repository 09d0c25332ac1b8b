package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;

import java.util.List;
import java.util.TreeSet;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Finding messages: by id, by key, by unique key, by time. The index is filled behind the append, so these poll. */
final class QueryCases {
    private QueryCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("viewById", QueryCases::viewById));
        cases.add(Case.together("queryByKey", QueryCases::queryByKey));
        cases.add(Case.together("queryByUniqueKey", QueryCases::queryByUniqueKey));
        cases.add(Case.together("queryFindsNothing", QueryCases::queryFindsNothing));
        cases.add(Case.together("offsetByTime", QueryCases::offsetByTime));
    }

    private static void viewById(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        Message big = new Message(topic, "TagA", "key", new byte[10_000]);
        SendResult sent = producer.send(big);
        MessageExt viewed = producer.viewMessage(topic, sent.getOffsetMsgId());
        equal(topic, viewed.getTopic(), "topic");
        equal("TagA", viewed.getTags(), "tags");
        equal(10_000, viewed.getBody().length, "length of the body, uncompressed");
        equal(sent.getQueueOffset(), viewed.getQueueOffset(), "queue offset");
        check(viewed.toString().contains(sent.getMsgId()), "the unique id is " + sent.getMsgId());
    }

    private static void queryByKey(Kit kit) throws Exception {
        String topic = kit.topic(2);
        DefaultMQProducer producer = kit.producer();
        long from = System.currentTimeMillis();
        for (int i = 0; i < 6; i++) producer.send(new Message(topic, "*", "shared own" + i, bytes("keyed-" + i)));
        producer.send(new Message(topic, "*", "other", bytes("other")));
        long to = from + 60_000;
        eventually("all six are found by their common key", 20, () -> {
            try {
                return producer.queryMessage(topic, "shared", 32, from - 60_000, to).getMessageList().size() == 6;
            } catch (MQClientException notYet) {
                return false;
            }
        });
        TreeSet<String> found = new TreeSet<>();
        for (MessageExt message : producer.queryMessage(topic, "shared", 32, from - 60_000, to).getMessageList()) {
            found.add(Inbox.bodyOf(message));
        }
        equal(new TreeSet<>(Kit.bodies("keyed", 6)), found, "bodies found");
        QueryResult one = producer.queryMessage(topic, "own3", 32, from - 60_000, to);
        equal(1, one.getMessageList().size(), "found by a key of its own");
        equal("keyed-3", Inbox.bodyOf(one.getMessageList().get(0)), "body");
        equal(2, producer.queryMessage(topic, "shared", 2, from - 60_000, to).getMessageList().size(), "found at most 2");
        check(one.getIndexLastUpdateTimestamp() >= from, "the index was last updated at " + one.getIndexLastUpdateTimestamp());
    }

    private static void queryByUniqueKey(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        SendResult sent = kit.send(producer, topic, "*", "unique", 3).get(1);
        eventually("the message is found by its unique id", 20, () -> {
            try {
                return Inbox.bodyOf(producer.viewMessage(topic, sent.getMsgId())).equals("unique-1");
            } catch (MQClientException notYet) {
                return false;
            }
        });
        MessageExt viewed = kit.admin().viewMessage(topic, sent.getMsgId());
        equal(sent.getQueueOffset(), viewed.getQueueOffset(), "queue offset");
    }

    private static void queryFindsNothing(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "*", "x", 1);
        long now = System.currentTimeMillis();
        try {
            producer.queryMessage(topic, "no-such-key", 32, now - 60_000, now + 60_000);
            throw new AssertionError("found something under a key that was never used");
        } catch (MQClientException expected) {
            check(expected.getMessage().contains("no message"), expected.getMessage());
        }
    }

    private static void offsetByTime(Kit kit) throws Exception {
        String topic = kit.topic(1);
        MessageQueue queue = kit.queue(topic, 0);
        DefaultMQProducer producer = kit.producer();
        long[] storedAt = new long[6];
        for (int i = 0; i < 6; i++) {
            SendResult sent = kit.send(producer, topic, "*", "t" + i, 1).get(0);
            storedAt[i] = producer.viewMessage(topic, sent.getOffsetMsgId()).getStoreTimestamp();
            long stored = storedAt[i];
            eventually("the clock has moved on", 5, () -> System.currentTimeMillis() > stored + 10);
        }
        for (int i = 0; i < 6; i++) {
            equal((long) i, kit.admin().searchOffset(queue, storedAt[i]), "offset at the time of message " + i);
            equal((long) i + 1, kit.admin().searchOffset(queue, storedAt[i] + 1), "offset right after message " + i);
        }
        equal(0L, kit.admin().searchOffset(queue, storedAt[0] - 1000), "offset before the first");
        equal(6L, kit.admin().searchOffset(queue, storedAt[5] + 60_000), "offset after the last");
        equal(storedAt[0], kit.admin().earliestMsgStoreTime(queue), "store time of the first message");
    }
}
