package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;
import static edgemq.interop.Kit.neverWithin;
import static edgemq.interop.Kit.refused;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;

/** Messages with a time of their own: when they come, with what, which are refused, and which are taken back. */
final class TimerCases {
    /** A step of the wheel is 1 s; the rest is a busy machine. */
    private static final long LATE_MILLIS = 3_000;

    private TimerCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("timerDelays", TimerCases::timerDelays));
        cases.add(Case.together("timerPrecedence", TimerCases::timerPrecedence));
        cases.add(Case.together("timerPast", TimerCases::timerPast));
        cases.add(Case.together("timerRefusals", TimerCases::timerRefusals));
        cases.add(Case.together("timerProperties", TimerCases::timerProperties));
        cases.add(Case.together("timerMany", TimerCases::timerMany));
        cases.add(Case.together("timerRecall", TimerCases::timerRecall));
        cases.add(Case.together("timerRecallRefusals", TimerCases::timerRecallRefusals));
        cases.add(Case.together("timerCancel", TimerCases::timerCancel));
        cases.add(Case.alone("timerCongestion", TimerCases::timerCongestion));
        cases.add(Case.restart("timerRecallOverRestart", TimerCases::timerRecallOverRestart));
        cases.add(Case.restart("timerOverRestart", TimerCases::timerOverRestart));
        cases.add(Case.restart("timerOverKill", TimerCases::timerOverKill));
    }

    private static Message timed(String topic, String body, String property, long value) {
        Message message = new Message(topic, "TagT", body, bytes(body));
        MessageAccessor.putProperty(message, property, Long.toString(value));
        return message;
    }

    private static SendResult sent(DefaultMQProducer producer, Message message) throws Exception {
        SendResult result = producer.send(message);
        equal(SendStatus.SEND_OK, result.getSendStatus(), "send status of " + message.getKeys());
        return result;
    }

    private static void timerDelays(Kit kit) throws Exception {
        String topic = kit.topic(2);
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        DefaultMQProducer producer = kit.producer();
        long now = System.currentTimeMillis();
        Map<String, Long> due = Map.of("seconds", now + 4_000, "millis", now + 2_500, "absolute", now + 6_000);
        sent(producer, timed(topic, "seconds", "TIMER_DELAY_SEC", 4));
        sent(producer, timed(topic, "millis", "TIMER_DELAY_MS", 2_500));
        sent(producer, timed(topic, "absolute", "TIMER_DELIVER_MS", now + 6_000));
        inbox.holdsExactly(List.of("seconds", "millis", "absolute"), 20);
        for (MessageExt message : inbox.messages()) {
            long late = message.getStoreTimestamp() - due.get(Inbox.bodyOf(message));
            // The seconds and millis count from when the broker took them.
            check(late >= -5 && late <= LATE_MILLIS, Inbox.bodyOf(message) + " is " + late + " ms late");
            equal("TagT", message.getTags(), "tag");
            equal(Inbox.bodyOf(message), message.getKeys(), "key");
        }
    }

    private static void timerPrecedence(Kit kit) throws Exception {
        String topic = kit.topic(1);
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        DefaultMQProducer producer = kit.producer();
        Message seconds = timed(topic, "seconds first", "TIMER_DELAY_SEC", 2);
        MessageAccessor.putProperty(seconds, "TIMER_DELAY_MS", "600000");
        MessageAccessor.putProperty(seconds, "TIMER_DELIVER_MS", "1");
        Message millis = timed(topic, "millis before the time", "TIMER_DELAY_MS", 2_000);
        MessageAccessor.putProperty(millis, "TIMER_DELIVER_MS", Long.toString(System.currentTimeMillis() + 600_000));
        Message level = timed(topic, "the level before all", "TIMER_DELAY_SEC", 600);
        level.setDelayTimeLevel(1);
        for (Message message : List.of(seconds, millis, level)) sent(producer, message);
        inbox.holdsExactly(List.of("seconds first", "millis before the time", "the level before all"), 20);
    }

    private static void timerPast(Kit kit) throws Exception {
        String topic = kit.topic(1);
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        DefaultMQProducer producer = kit.producer();
        sent(producer, timed(topic, "past", "TIMER_DELIVER_MS", System.currentTimeMillis() - 10_000));
        sent(producer, timed(topic, "none", "TIMER_DELAY_SEC", 0));
        sent(producer, timed(topic, "negative", "TIMER_DELAY_MS", -5));
        inbox.holdsExactly(List.of("past", "none", "negative"), 10);
        for (MessageExt message : inbox.messages()) equal(null, message.getProperty("TIMER_OUT_MS"), "TIMER_OUT_MS");
    }

    private static void timerRefusals(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        String words = "timer message illegal, the delay time should not be bigger than the max delay 259200000ms; "
            + "or if set del msg, the delay time should be bigger than the current time";
        refused(13, words, () -> producer.send(timed(topic, "far", "TIMER_DELAY_SEC", 259_201)));
        refused(13, words, () -> producer.send(timed(topic, "far", "TIMER_DELAY_MS", 259_200_001)));
        refused(13, words, () -> producer.send(timed(topic, "far", "TIMER_DELIVER_MS", Long.MAX_VALUE)));
        Message text = new Message(topic, bytes("no number"));
        MessageAccessor.putProperty(text, "TIMER_DELAY_SEC", "soon");
        refused(13, words, () -> producer.send(text));
        Message cancelsInThePast = timed(topic, "cancels", "TIMER_DELIVER_MS", 1);
        MessageAccessor.putProperty(cancelsInThePast, "TIMER_DEL_UNIQKEY", "x");
        refused(13, words, () -> producer.send(cancelsInThePast));
        equal(0L, kit.messagesIn(topic, 1), "messages stored");
    }

    private static void timerProperties(Kit kit) throws Exception {
        String topic = kit.topic(2);
        Inbox inbox = kit.consume(kit.named("g"), topic, "TagT");
        DefaultMQProducer producer = kit.producer();
        Message message = timed(topic, "with properties", "TIMER_DELAY_SEC", 2);
        message.putUserProperty("mine", "yours");
        SendResult result = sent(producer, message);
        eventually("it comes", 20, () -> inbox.size() == 1);
        MessageExt got = inbox.only();
        long out = Long.parseLong(got.getProperty("TIMER_OUT_MS"));
        equal(0L, out % 1000, "TIMER_OUT_MS is a whole step");
        check(Long.parseLong(got.getProperty("TIMER_DEQUEUE_MS")) > out, "TIMER_DEQUEUE_MS behind TIMER_OUT_MS");
        equal(0L, Long.parseLong(got.getProperty("TIMER_ENQUEUE_MS")) % 1000, "TIMER_ENQUEUE_MS is a whole step");
        equal(topic, got.getProperty("REAL_TOPIC"), "REAL_TOPIC");
        equal(Integer.toString(got.getQueueId()), got.getProperty("REAL_QID"), "REAL_QID");
        equal("2", got.getProperty("TIMER_DELAY_SEC"), "TIMER_DELAY_SEC");
        equal(null, got.getProperty("TIMER_ROLL_TIMES"), "TIMER_ROLL_TIMES");
        equal("yours", got.getProperty("mine"), "a user's property");
        equal(result.getMsgId(), got.getMsgId(), "message id");
        equal(result.getMessageQueue().getQueueId(), got.getQueueId(), "queue");
        equal(0L, got.getPreparedTransactionOffset(), "prepared transaction offset");
    }

    private static void timerMany(Kit kit) throws Exception {
        String topic = kit.topic(4);
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        DefaultMQProducer producer = kit.producer();
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            expected.add("many-" + i);
            sent(producer, timed(topic, "many-" + i, "TIMER_DELAY_MS", 1_500 + i * 10L));
        }
        inbox.holdsExactly(expected, 30);
    }

    /** Only the clients of 5.5 can. */
    private static String recall(DefaultMQProducer producer, String topic, String handle) throws Exception {
        try {
            return (String) producer.getClass().getMethod("recallMessage", String.class, String.class).invoke(producer, topic, handle);
        } catch (NoSuchMethodException e) {
            throw new Case.Skipped("this client can't recall messages");
        } catch (java.lang.reflect.InvocationTargetException e) {
            throw e.getCause() instanceof Exception cause ? cause : e;
        }
    }

    private static String handleOf(SendResult result) throws Exception {
        try {
            return (String) result.getClass().getMethod("getRecallHandle").invoke(result);
        } catch (NoSuchMethodException e) {
            throw new Case.Skipped("this client is told no handle");
        }
    }

    private static void timerRecall(Kit kit) throws Exception {
        String topic = kit.topic(1);
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        DefaultMQProducer producer = kit.producer();
        List<String> kept = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            SendResult result = sent(producer, timed(topic, "m-" + i, "TIMER_DELAY_SEC", 5));
            if (i % 2 == 0) equal(result.getMsgId(), recall(producer, topic, handleOf(result)), "message id of what is recalled");
            else kept.add("m-" + i);
        }
        inbox.holdsExactly(kept, 20);
        neverWithin(3_000, "a recalled message comes", () -> inbox.size() > kept.size());
        equal(null, handleOf(sent(producer, new Message(topic, bytes("at once")))), "handle of a message without delay");
    }

    private static void timerRecallRefusals(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String other = kit.topic("other", 1);
        DefaultMQProducer producer = kit.producer();
        String handle = handleOf(sent(producer, timed(topic, "m", "TIMER_DELAY_SEC", 3)));
        refused(604, "recall failed, topic not match", () -> recall(producer, other, handle));
    }

    /** A message that names another one's key, for the same time, takes it back and is not delivered itself. */
    private static void timerCancel(Kit kit) throws Exception {
        String topic = kit.topic(1);
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        DefaultMQProducer producer = kit.producer();
        long due = System.currentTimeMillis() + 4_000;
        String taken = sent(producer, timed(topic, "taken back", "TIMER_DELIVER_MS", due)).getMsgId();
        sent(producer, timed(topic, "kept", "TIMER_DELIVER_MS", due));
        Message cancels = timed(topic, "cancels", "TIMER_DELIVER_MS", due);
        MessageAccessor.putProperty(cancels, "TIMER_DEL_UNIQKEY", taken);
        sent(producer, cancels);
        inbox.holdsExactly(List.of("kept"), 20);
        neverWithin(1_500, "what was taken back, or takes back, comes", () -> inbox.size() > 1);
    }

    /** timerCongestNumEachSlot: at twice of it nothing more is taken for the slot, while others are. */
    private static void timerCongestion(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        Properties before = kit.admin().getBrokerConfig(kit.settings().brokerAddr());
        long due = System.currentTimeMillis() + 100_000;
        congestion(kit, "3");
        try {
            eventually("the slot is full", 20, () -> {
                try {
                    producer.send(timed(topic, "full", "TIMER_DELIVER_MS", due));
                    return false;
                } catch (MQClientException e) {
                    equal(1, e.getResponseCode(), "response code");
                    check(e.getCause().getMessage().contains("timer message is under flow control"), e.getCause().getMessage());
                    return true;
                }
            });
            sent(producer, timed(topic, "another slot", "TIMER_DELIVER_MS", due + 5_000));
        } finally {
            congestion(kit, before.getProperty("timerCongestNumEachSlot"));
        }
    }

    private static void congestion(Kit kit, String limit) throws Exception {
        Properties properties = new Properties();
        properties.put("timerCongestNumEachSlot", limit);
        kit.admin().updateBrokerConfig(kit.settings().brokerAddr(), properties);
    }

    /** By a handle from before; what was recalled before stays so. */
    private static void timerRecallOverRestart(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        long delay = kit.settings().target().equals("apache") ? 45 : 5;
        List<String> handles = new ArrayList<>();
        for (String body : List.of("before", "behind", "kept")) handles.add(handleOf(sent(producer, timed(topic, body, "TIMER_DELAY_SEC", delay))));
        recall(producer, topic, handles.get(0));
        kit.servers("stopBroker");
        kit.servers("startBroker");
        RestartCases.brokerIsBack(kit, topic);
        DefaultMQProducer next = kit.producer(kit.named("next"));
        next.fetchPublishMessageQueues(topic);
        recall(next, topic, handles.get(1));
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        inbox.holdsExactly(List.of("kept"), 60);
        neverWithin(1_500, "a recalled message comes", () -> inbox.size() > 1);
    }

    private static void timerOverRestart(Kit kit) throws Exception {
        overRestart(kit, "stopBroker");
    }

    private static void timerOverKill(Kit kit) throws Exception {
        overRestart(kit, "killBroker");
    }

    private static void overRestart(Kit kit, String end) throws Exception {
        String topic = kit.topic(2);
        DefaultMQProducer producer = kit.producer();
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 400; i++) {
            expected.add("m-" + i);
            sent(producer, timed(topic, "m-" + i, "TIMER_DELAY_MS", 1_000 + i * 30L));
        }
        producer.shutdown();
        // Some are delivered, some are not.
        TimeUnit.MILLISECONDS.sleep(1_000);
        kit.servers(end);
        kit.servers("startBroker");
        RestartCases.brokerIsBack(kit, topic);
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        if (kit.settings().target().equals("apache") && end.equals("killBroker")) {
            kit.differs("delivers again what it delivered since its last checkpoint");
            eventually("all have come", 60, () -> new java.util.HashSet<>(inbox.bodies()).size() == expected.size());
            return;
        }
        inbox.holdsExactly(expected, 60);
        neverWithin(2_000, "a message comes twice", () -> inbox.size() > expected.size());
    }
}
