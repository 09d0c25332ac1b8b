package edgemq.interop;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * What a case works with: topics and groups of its own, clients that are shut down when it ends, and checks. Nothing here
 * waits for a fixed time to pass except {@link #neverWithin}.
 */
final class Kit implements AutoCloseable {
    /**
     * Not the default of 30 s: a client that changes its subscription while another of its threads sends a heartbeat skips
     * its own, and until the next one the broker answers its pulls with SUBSCRIPTION_NOT_LATEST.
     */
    private static final int HEARTBEAT_MILLIS = 1_000;

    private interface Shutdown {
        void run();
    }

    private final String name;
    private final Shared shared;
    private String note;
    private String differs;
    private final Deque<Shutdown> opened = new ArrayDeque<>();

    Kit(String name, Shared shared) {
        this.name = name;
        this.shared = shared;
    }

    @Override
    public void close() {
        while (!opened.isEmpty()) opened.pop().run();
    }

    /** Figures that stand in the report of a case that passes. */
    void note(String text) {
        note = text;
    }

    String note() {
        return note;
    }

    /** What the server under test does otherwise, where the case lets that pass: stands in docs/interop.md. */
    void differs(String text) {
        differs = text;
    }

    String differs() {
        return differs;
    }

    AdminFixture fixture() throws Exception {
        return shared.fixture();
    }

    /** Runs when the case ends. */
    void closing(Runnable action) {
        opened.push(action::run);
    }

    // ---- names

    Settings settings() {
        return shared.settings();
    }

    DefaultMQAdminExt admin() {
        return shared.admin();
    }

    /** Has the runner do something with the servers: stopBroker, killBroker, startBroker, stopNamesrv0, … */
    void servers(String request) throws Exception {
        shared.control().ask(request);
    }

    /** A name of this case alone, for a topic or a group. */
    String named(String suffix) {
        return settings().prefix() + "_" + name + "_" + suffix;
    }

    /** Creates a topic and waits until clients can find it. */
    String topic(int queues) throws Exception {
        return topic("t", queues);
    }

    String topic(String suffix, int queues) throws Exception {
        String topic = named(suffix);
        TopicConfig config = new TopicConfig(topic);
        config.setReadQueueNums(queues);
        config.setWriteQueueNums(queues);
        admin().createAndUpdateTopicConfig(settings().brokerAddr(), config);
        routeExists(topic);
        return topic;
    }

    void routeExists(String topic) throws Exception {
        eventually("the nameserver has a route of " + topic, 20, () -> {
            try {
                return !admin().examineTopicRouteInfo(topic).getQueueDatas().isEmpty();
            } catch (MQClientException notYet) {
                return false;
            }
        });
    }

    MessageQueue queue(String topic, int id) {
        return new MessageQueue(topic, Settings.BROKER, id);
    }

    // ---- clients

    DefaultMQProducer producer() throws Exception {
        return producer(named("producers"));
    }

    DefaultMQProducer producer(String group) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(group);
        producer.setNamesrvAddr(settings().namesrvAddr());
        producer.setSendMsgTimeout(10_000);
        producer.setPollNameServerInterval(1_000);
        producer.setHeartbeatBrokerInterval(HEARTBEAT_MILLIS);
        producer.start();
        opened.push(producer::shutdown);
        return producer;
    }

    /** A push consumer that is not started yet: reads from the first message, saves its offsets twice a second. */
    DefaultMQPushConsumer pushConsumer(String group) {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group);
        consumer.setNamesrvAddr(settings().namesrvAddr());
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setPersistConsumerOffsetInterval(500);
        consumer.setPollNameServerInterval(1_000);
        consumer.setHeartbeatBrokerInterval(HEARTBEAT_MILLIS);
        consumer.setConsumeThreadMin(2);
        consumer.setConsumeThreadMax(4);
        opened.push(consumer::shutdown);
        return consumer;
    }

    /**
     * Shuts a consumer down that has read everything, behind the last call of its listener: by default the client waits for none,
     * and a message whose listener has not returned by then is not counted in the offsets that are left, nor are those behind it.
     */
    static void finish(DefaultMQPushConsumer consumer) {
        consumer.setAwaitTerminationMillisWhenShutdown(5_000);
        consumer.shutdown();
    }

    /** Subscribes and starts a push consumer whose listener puts everything into the inbox it returns. */
    Inbox consume(String group, String topic, String tags) throws Exception {
        DefaultMQPushConsumer consumer = pushConsumer(group);
        consumer.subscribe(topic, tags);
        Inbox inbox = new Inbox();
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        return inbox;
    }

    /** Stores a consumer's offsets at the broker now: its timer does so 10 s after the start at the earliest. */
    static void storeOffsets(DefaultMQPushConsumer consumer) {
        consumer.getDefaultMQPushConsumerImpl().persistConsumerOffset();
    }

    /**
     * Waits until a consumer reads its retry topic. The broker makes that topic at the first heartbeat, too late for the
     * consumer's first look; its next one comes after 20 s unless it is asked for.
     */
    static void readsRetryTopic(DefaultMQPushConsumer consumer) throws Exception {
        var implementation = consumer.getDefaultMQPushConsumerImpl();
        String retryTopic = "%RETRY%" + consumer.getConsumerGroup();
        eventually("the consumer reads " + retryTopic, 20, () -> {
            if (implementation.getRebalanceImpl().getProcessQueueTable().keySet().stream()
                .anyMatch(queue -> queue.getTopic().equals(retryTopic))) return true;
            implementation.getmQClientFactory().rebalanceImmediately();
            TimeUnit.MILLISECONDS.sleep(200);
            return false;
        });
    }

    @SuppressWarnings("deprecation")
    DefaultMQPullConsumer pullConsumer(String group) throws Exception {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(group);
        consumer.setNamesrvAddr(settings().namesrvAddr());
        consumer.setPollNameServerInterval(1_000);
        consumer.setConsumerPullTimeoutMillis(10_000);
        opened.push(consumer::shutdown);
        return consumer;
    }

    DefaultMQPullConsumer startedPullConsumer() throws Exception {
        DefaultMQPullConsumer consumer = pullConsumer(named("pullers"));
        consumer.start();
        return consumer;
    }

    DefaultLitePullConsumer litePullConsumer(String group) {
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(group);
        consumer.setNamesrvAddr(settings().namesrvAddr());
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setPollNameServerInterval(1_000);
        opened.push(consumer::shutdown);
        return consumer;
    }

    // ---- messages

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Sends {@code count} messages with the bodies {@code <label>-0}, {@code <label>-1}, … one after the other. */
    List<SendResult> send(DefaultMQProducer producer, String topic, String tag, String label, int count) throws Exception {
        List<SendResult> results = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            SendResult result = producer.send(new Message(topic, tag, label + "-" + i, bytes(label + "-" + i)));
            equal(SendStatus.SEND_OK, result.getSendStatus(), "send status of " + label + "-" + i);
            results.add(result);
        }
        return results;
    }

    static List<String> bodies(String label, int count) {
        List<String> bodies = new ArrayList<>();
        for (int i = 0; i < count; i++) bodies.add(label + "-" + i);
        bodies.sort(Comparator.naturalOrder());
        return bodies;
    }

    long messagesIn(String topic, int queues) throws Exception {
        long sum = 0;
        for (int i = 0; i < queues; i++) sum += admin().maxOffset(queue(topic, i));
        return sum;
    }

    // ---- checks

    static void check(boolean holds, String what) {
        if (!holds) throw new AssertionError("does not hold: " + what);
    }

    static void equal(Object expected, Object actual, String what) {
        if (!Objects.equals(expected, actual)) throw new AssertionError(what + ": expected " + expected + ", got " + actual);
    }

    /** Polls until it holds. */
    static void eventually(String what, int seconds, Callable<Boolean> condition) throws Exception {
        eventually(what, seconds, condition, () -> "");
    }

    /** @param details more words for the failure, asked for when it is time */
    static void eventually(String what, int seconds, Callable<Boolean> condition, Callable<String> details) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (!condition.call()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("not within " + seconds + " s: " + what + " " + details.call());
            }
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }

    /** For what must not happen: watches for this long. */
    static void neverWithin(int millis, String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        while (System.nanoTime() < deadline) {
            if (condition.call()) throw new AssertionError("happened: " + what);
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }

    interface Failing {
        void run() throws Exception;
    }

    /** The broker must refuse with this response code and with these words in the remark. */
    static void refused(int code, String words, Failing action) throws Exception {
        try {
            action.run();
        } catch (MQBrokerException e) {
            equal(code, e.getResponseCode(), "response code of: " + e.getErrorMessage());
            check(e.getErrorMessage().contains(words), "\"" + words + "\" in the remark: " + e.getErrorMessage());
            return;
        } catch (MQClientException e) {
            equal(code, e.getResponseCode(), "response code of: " + e.getErrorMessage());
            check(e.getMessage().contains(words), "\"" + words + "\" in the message: " + e.getMessage());
            return;
        }
        throw new AssertionError("not refused, expected code " + code + " " + words);
    }
}
