package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * One directory, by turns Apache's and ours: what one wrote the other serves, and writes on. Each case is one turn; they
 * build on each other. The delay levels are 1 s, 4 s, 6 s, 6 s, 8 s.
 */
@SuppressWarnings("deprecation")
final class StoreCompatCases {
    private static final int QUEUES = 4;
    private static final int SOON = 1;
    private static final int LATER = 5;
    private static final long LATER_MILLIS = 8_000;
    /** Messages that wait in the timer wheel from one turn to the next. */
    private static final int TIMED = 5;
    /** A retry's first level is 3, and its queue has the number before. */
    private static final int FIRST_RETRY_QUEUE = 2;

    /** Apache deletes the newest index files before it asks for the lock: this turn's keys may be gone. */
    private static final int INTRUDED_BY_APACHE = 4;

    private final Map<String, Long> offsets = new TreeMap<>();
    private final Map<String, String> pending = new TreeMap<>();
    private final Set<String> unread = new TreeSet<>();
    private StoreImage image;
    private DefaultMQPullConsumer puller;
    private int turn;
    private boolean wasKilled;
    private boolean broken;
    private Transactions transactions;

    private StoreCompatCases() {}

    static void addTo(List<Case> cases) {
        StoreCompatCases all = new StoreCompatCases();
        cases.add(Case.named("compat1_apacheWrites", kit -> all.turn(kit, "apache", "stopBroker")));
        cases.add(Case.named("compat2_oursOpensItStopped", kit -> all.turn(kit, "ours", "stopBroker")));
        cases.add(Case.named("compat3_apacheOpensOurs", kit -> all.turn(kit, "apache", "killBroker")));
        cases.add(Case.named("compat4_oursOpensItKilled", kit -> all.turn(kit, "ours", "killBroker")));
        cases.add(Case.named("compat5_apacheOpensOursKilled", all::lastTurn));
    }

    private static String topicOf(Kit kit, String suffix) {
        return kit.settings().prefix() + "_compat_" + suffix;
    }

    /** One turn: all that was written is served, more is written, and the broker goes. */
    private void turn(Kit kit, String who, String end) throws Exception {
        check(!broken, "the turn before went well");
        broken = true;
        turn++;
        puller = kit.startedPullConsumer();
        if (turn > 1) {
            kit.servers("startBroker:" + who);
            served(kit);
        } else {
            begin(kit);
        }
        write(kit);
        image = readImage(kit);
        kit.servers(end);
        wasKilled = end.equals("killBroker");
        broken = false;
    }

    /** Apache again, which now asks for the transactions that were left open at the first turn. */
    private void lastTurn(Kit kit) throws Exception {
        check(!broken, "the turn before went well");
        turn++;
        puller = kit.startedPullConsumer();
        try {
            transactions.commitAtCheck = true;
            kit.servers("startBroker:apache:transactionCheckInterval=2000,transactionTimeOut=500");
            served(kit);
            equal(Set.of("hopeless"), bodiesOf(image, "%DLQ%" + topicOf(kit, "dead_group")), "dead letters");
            Set<String> expected = new TreeSet<>();
            for (int run = 1; run < turn; run++) {
                for (String body : List.of("commit-0", "commit-1", "open-0", "open-1")) expected.add(body + "-" + run);
            }
            // the broker asks again until it has written down the answer, so one may come twice; none of those rolled back comes
            eventually("the open transactions are asked for and committed", 40, () -> transactionsOf(kit).containsAll(expected));
            equal(expected, transactionsOf(kit), "transactions that are visible");
        } finally {
            transactions.producer.shutdown();
        }
    }

    private Set<String> transactionsOf(Kit kit) throws Exception {
        Set<String> bodies = new TreeSet<>();
        for (MessageExt message : StoreImage.readTopic(kit, puller, topicOf(kit, "transactions"), 1)) bodies.add(Inbox.bodyOf(message));
        return bodies;
    }

    private StoreImage readImage(Kit kit) throws Exception {
        return StoreImage.read(kit, puller);
    }

    private static TreeSet<String> bodiesOf(StoreImage image, String topic) {
        TreeSet<String> bodies = new TreeSet<>();
        for (MessageExt message : image.of(topic)) check(bodies.add(Inbox.bodyOf(message)), Inbox.bodyOf(message) + " is there once");
        return bodies;
    }

    // ---- what a store holds

    private void begin(Kit kit) throws Exception {
        for (String suffix : List.of("main", "delays", "retries", "dead")) createTopic(kit, topicOf(kit, suffix), QUEUES, Map.of());
        createTopic(kit, topicOf(kit, "transactions"), 1, Map.of("+message.type", "TRANSACTION"));
        transactions = new Transactions(kit);
        var config = kit.admin().examineSubscriptionGroupConfig(kit.settings().brokerAddr(), "SELF_TEST_C_GROUP");
        config.setGroupName(topicOf(kit, "dead_group"));
        config.setRetryMaxTimes(1);
        kit.admin().createAndUpdateSubscriptionGroupConfig(kit.settings().brokerAddr(), config);
    }

    private static void createTopic(Kit kit, String topic, int queues, Map<String, String> attributes) throws Exception {
        TopicConfig config = new TopicConfig(topic);
        config.setReadQueueNums(queues);
        config.setWriteQueueNums(queues);
        // 4.x has no attributes
        if (!kit.settings().older()) TopicConfig.class.getMethod("setAttributes", Map.class).invoke(config, attributes);
        kit.admin().createAndUpdateTopicConfig(kit.settings().brokerAddr(), config);
        kit.routeExists(topic);
    }

    private void write(Kit kit) throws Exception {
        String addr = kit.settings().brokerAddr();
        createTopic(kit, topicOf(kit, "made" + turn), turn, Map.of("+message.type", turn % 2 == 0 ? "FIFO" : "NORMAL"));
        var group = kit.admin().examineSubscriptionGroupConfig(addr, "SELF_TEST_C_GROUP");
        group.setGroupName(topicOf(kit, "group" + turn));
        group.setRetryQueueNums(turn);
        group.setRetryMaxTimes(10 + turn);
        group.setConsumeBroadcastEnable(turn % 2 == 0);
        kit.admin().createAndUpdateSubscriptionGroupConfig(addr, group);

        DefaultMQProducer producer = kit.producer(topicOf(kit, "producers"));
        producer.setCompressMsgBodyOverHowmuch(4096);
        String main = topicOf(kit, "main");
        for (int i = 0; i < 40; i++) {
            Message message = new Message(main, i % 3 == 0 ? null : "Tag" + i % 3, "key" + turn + "-" + i + " all", bytes(body(i)));
            message.putUserProperty("number", turn + "." + i);
            message.setFlag(i);
            sent(producer.send(message, new MessageQueue(main, Settings.BROKER, i % QUEUES)));
        }
        List<Message> batch = new ArrayList<>();
        for (int i = 0; i < 5; i++) batch.add(new Message(main, "TagB", "batch" + turn + "-" + i, bytes("batch-" + turn + "-" + i)));
        sent(producer.send(batch, new MessageQueue(main, Settings.BROKER, 0)));
        sent(producer.send(new Message(topicOf(kit, "made" + turn), "TagM", "made", bytes("made-" + turn))));

        for (int i = 0; i < QUEUES; i++) {
            long offset = kit.admin().maxOffset(kit.queue(main, i)) - i;
            kit.admin().updateConsumeOffset(addr, topicOf(kit, "group" + turn), kit.queue(main, i), offset);
            offsets.put(topicOf(kit, "group" + turn) + " " + i, offset);
        }
        transactions.run(turn);
        refuse(kit, producer);
        read(kit, producer);
        delay(kit, producer, SOON, "soon-" + turn);
        eventually("a delayed message comes", 30, () -> delayedBodies(kit).contains("soon-" + turn));
        if (turn == 1) kit.servers("intrude:ours");
        if (turn == INTRUDED_BY_APACHE) kit.servers("intrude:apache");
        // last: it must not be delivered before the next turn begins
        delay(kit, producer, LATER, "later-" + turn);
        for (int i = 0; i < TIMED; i++) timed(kit, producer, "timed-" + turn + "-" + i, LATER_MILLIS + i * 300L);
        producer.shutdown();
    }

    /** Bodies of all sizes; every tenth is long enough to be compressed. */
    private String body(int i) {
        return "body-" + turn + "-" + i + " " + "x".repeat(i % 10 == 9 ? 9_000 : i * 37);
    }

    private static void sent(SendResult result) {
        equal(SendStatus.SEND_OK, result.getSendStatus(), "send status");
    }

    private void delay(Kit kit, DefaultMQProducer producer, int level, String body) throws Exception {
        Message message = new Message(topicOf(kit, "delays"), "TagD", body, bytes(body));
        message.setDelayTimeLevel(level);
        sent(producer.send(message));
    }

    private void timed(Kit kit, DefaultMQProducer producer, String body, long millis) throws Exception {
        Message message = new Message(topicOf(kit, "delays"), "TagD", body, bytes(body));
        MessageAccessor.putProperty(message, "TIMER_DELAY_MS", Long.toString(millis));
        sent(producer.send(message));
    }

    /** A message that its consumer refuses comes again, whoever serves; another ends as dead at its second coming. */
    private void refuse(Kit kit, DefaultMQProducer producer) throws Exception {
        if (turn == 1) {
            sent(producer.send(new Message(topicOf(kit, "retries"), "TagR", bytes("again"))));
            sent(producer.send(new Message(topicOf(kit, "dead"), "TagR", bytes("hopeless"))));
        }
        refuseOne(kit, "retries", turn - 1);
        if (turn <= 2) refuseOne(kit, "dead", turn - 1);
    }

    private void refuseOne(Kit kit, String name, int coming) throws Exception {
        DefaultMQPushConsumer consumer = kit.pushConsumer(topicOf(kit, name + "_group"));
        Map<Integer, String> came = new ConcurrentHashMap<>();
        if (name.equals("dead")) consumer.setMaxReconsumeTimes(1);
        // shut down before the answer has come, the client sends the refused message once more, by another way
        consumer.setAwaitTerminationMillisWhenShutdown(10_000);
        consumer.subscribe(topicOf(kit, name), "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            came.put(messages.get(0).getReconsumeTimes(), Inbox.bodyOf(messages.get(0)));
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        boolean dies = name.equals("dead") && coming == 1;
        String next = dies ? "%DLQ%" + consumer.getConsumerGroup() : "SCHEDULE_TOPIC_XXXX";
        int queue = dies ? 0 : FIRST_RETRY_QUEUE + coming;
        long before = dies ? 0 : kit.admin().maxOffset(kit.queue(next, queue));
        consumer.start();
        Kit.readsRetryTopic(consumer);
        eventually("coming " + coming + " of the message in " + name, 30, () -> came.containsKey(coming), () -> came.toString());
        eventually("the refused message waits in " + next, 30, () -> {
            try {
                return kit.admin().maxOffset(kit.queue(next, queue)) > before;
            } catch (Exception noSuchTopicYet) {
                return false;
            }
        });
        consumer.shutdown();
    }

    /** A group reads on where it stopped under the other broker. */
    private void read(Kit kit, DefaultMQProducer producer) throws Exception {
        String topic = topicOf(kit, "read");
        if (turn == 1) createTopic(kit, topic, 1, Map.of());
        for (int i = 0; i < 3; i++) unread.add("seen-" + turn + "-" + i);
        for (int i = 0; i < 3; i++) sent(producer.send(new Message(topic, "*", bytes("seen-" + turn + "-" + i))));
        DefaultMQPushConsumer consumer = kit.pushConsumer(topicOf(kit, "readers"));
        Inbox inbox = new Inbox();
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        if (wasKilled) {
            // offsets since the last save died with the broker: then messages come again, and none is missing
            eventually("the group has read " + unread, 30, () -> inbox.bodies().containsAll(unread), () -> inbox.bodies().toString());
        } else {
            inbox.holdsExactly(List.copyOf(unread), 30);
        }
        Kit.finish(consumer);
        unread.clear();
        sent(producer.send(new Message(topic, "*", bytes("left-" + turn))));
        unread.add("left-" + turn);
    }

    // ---- what the next broker must serve

    private void served(Kit kit) throws Exception {
        String main = topicOf(kit, "main");
        RestartCases.brokerIsBack(kit, main);
        StoreImage now = readImage(kit);
        image.isPartOf(now);
        keysAreFound(kit, main);
        timesAreFound(kit, main);
        if (!wasKilled) {
            for (Map.Entry<String, Long> entry : offsets.entrySet()) {
                String[] parts = entry.getKey().split(" ");
                long stored = storedOffset(kit, parts[0], kit.queue(main, Integer.parseInt(parts[1])));
                equal((long) entry.getValue(), stored, "consumer offset of " + entry.getKey());
            }
        }
        pendingComes(kit);
    }

    private static long storedOffset(Kit kit, String group, MessageQueue queue) throws Exception {
        var offset = kit.admin().examineConsumeStats(group, queue.getTopic()).getOffsetTable().get(queue);
        return offset == null ? -1 : offset.getConsumerOffset();
    }

    /** What waited for its level is delivered under the next broker: not early, and once when no broker was killed. */
    private void pendingComes(Kit kit) throws Exception {
        List<String> expected = new ArrayList<>(List.of("later-" + (turn - 1)));
        for (int i = 0; i < TIMED; i++) expected.add("timed-" + (turn - 1) + "-" + i);
        eventually("the delayed messages " + expected + " come", 40, () -> {
            try {
                return delayedBodies(kit).containsAll(expected);
            } catch (AssertionError oneCameMeanwhile) {
                return false;
            }
        });
        List<MessageExt> all = delayedMessages(kit);
        for (String body : expected) {
            List<MessageExt> came = all.stream().filter(message -> Inbox.bodyOf(message).equals(body)).toList();
            for (MessageExt message : came) {
                check(message.getStoreTimestamp() >= message.getBornTimestamp() + LATER_MILLIS - 50, body + " is not early");
            }
            check(wasKilled ? came.size() >= 1 : came.size() == 1, body + " came " + came.size() + " times");
        }
    }

    private List<MessageExt> delayedMessages(Kit kit) throws Exception {
        return StoreImage.readTopic(kit, puller, topicOf(kit, "delays"), QUEUES);
    }

    private List<String> delayedBodies(Kit kit) throws Exception {
        List<String> bodies = new ArrayList<>();
        for (MessageExt message : delayedMessages(kit)) bodies.add(Inbox.bodyOf(message));
        return bodies;
    }

    private void keysAreFound(Kit kit, String topic) throws Exception {
        int number = 0;
        for (MessageExt message : image.of(topic)) {
            if (number++ % 7 != 0 || message.getKeys() == null) continue;
            if (message.getKeys().startsWith("key" + INTRUDED_BY_APACHE)) continue;
            String where = message.getQueueId() + ":" + message.getQueueOffset();
            String key = message.getKeys().split(" ")[0];
            var found = kit.admin().queryMessage(topic, key, 64, 0, Long.MAX_VALUE).getMessageList();
            equal(1, found.size(), "messages with the key " + key);
            equal(where, found.get(0).getQueueId() + ":" + found.get(0).getQueueOffset(), "place of the message with the key " + key);
            MessageExt viewed = kit.admin().viewMessage(topic, message.getMsgId());
            equal(where, viewed.getQueueId() + ":" + viewed.getQueueOffset(), "place of the message viewed by its unique key");
        }
        check(number > 40 * (turn - 1), "the topic has messages of every turn: " + number);
    }

    private void timesAreFound(Kit kit, String topic) throws Exception {
        for (int queue = 0; queue < QUEUES; queue++) {
            TreeMap<Long, MessageExt> messages = image.queues.get(topic + " " + queue);
            for (long offset = 1; offset < messages.size(); offset += 5) {
                long time = messages.get(offset).getStoreTimestamp();
                long first = offset;
                while (first > 0 && messages.get(first - 1).getStoreTimestamp() == time) first--;
                equal(first, kit.admin().searchOffset(kit.queue(topic, queue), time), "offset by time in queue " + queue);
            }
        }
    }

    /** A transactional producer that lives through all turns. Some of its transactions stay open until the last. */
    private static final class Transactions implements TransactionListener {
        final TransactionMQProducer producer;
        volatile boolean commitAtCheck;
        private final String topic;
        private final Map<String, LocalTransactionState> outcomes = new HashMap<>(Map.of(
            "commit", LocalTransactionState.COMMIT_MESSAGE,
            "rollback", LocalTransactionState.ROLLBACK_MESSAGE,
            "open", LocalTransactionState.UNKNOW));

        Transactions(Kit kit) throws Exception {
            topic = topicOf(kit, "transactions");
            producer = new TransactionMQProducer(topicOf(kit, "transaction_producers"));
            producer.setNamesrvAddr(kit.settings().namesrvAddr());
            producer.setSendMsgTimeout(10_000);
            producer.setPollNameServerInterval(1_000);
            producer.setHeartbeatBrokerInterval(1_000);
            producer.setTransactionListener(this);
            producer.start();
        }

        void run(int turn) throws Exception {
            for (String outcome : outcomes.keySet()) {
                for (int i = 0; i < 2; i++) {
                    Message message = new Message(topic, "TagT", bytes(outcome + "-" + i + "-" + turn));
                    sent(producer.sendMessageInTransaction(message, outcome));
                }
            }
        }

        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object outcome) {
            return outcomes.get(outcome);
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            if (Inbox.bodyOf(message).startsWith("rollback")) return LocalTransactionState.ROLLBACK_MESSAGE;
            return commitAtCheck ? LocalTransactionState.COMMIT_MESSAGE : LocalTransactionState.UNKNOW;
        }
    }
}
