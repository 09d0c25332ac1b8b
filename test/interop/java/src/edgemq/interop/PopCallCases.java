package edgemq.interop;

import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;
import static edgemq.interop.Kit.neverWithin;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.SerializeType;

/**
 * The requests of POP one by one, by the client's own calls where it has them: what comes when, again, and no more. By name,
 * since this is compiled against 4.9.8 too.
 */
final class PopCallCases {
    private static final int QUERY_CONSUMER_OFFSET = 14;
    private static final int ACK = 200051;
    private static final int PEEK = 200052;
    private static final int CHANGE_INVISIBLE_TIME = 200053;
    private static final int NOTIFICATION = 200054;
    private static final int POLLING_INFO = 200055;
    private static final String HEADERS = "org.apache.rocketmq.remoting.protocol.header.";
    /** Hidden until the end of a case. */
    private static final long LONG = 60_000;

    private PopCallCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("popBatchAck", PopCallCases::batchAck));
        cases.add(Case.together("popChangeInvisibleTime", PopCallCases::changeInvisibleTime));
        cases.add(Case.together("popNotification", PopCallCases::notification));
        cases.add(Case.together("popWaits", PopCallCases::waits));
        cases.add(Case.together("popPeek", PopCallCases::peek));
        cases.add(Case.together("popOrdered", PopCallCases::ordered));
        cases.add(Case.together("popSuspend", PopCallCases::suspend));
        cases.add(Case.together("popOrderedSuspend", PopCallCases::orderedSuspend));
        cases.add(Case.alone("popBufferMerge", PopCallCases::bufferMerge));
        cases.add(Case.alone("popThreshold", PopCallCases::threshold));
        cases.add(Case.alone("popRetryTopicV2", PopCallCases::retryTopicV2));
        cases.add(Case.restart("popOverStop", kit -> overRestart(kit, "stopBroker")));
        cases.add(Case.restart("popOverKill", kit -> overRestart(kit, "killBroker")));
    }

    /** A topic of one queue with messages {@code m-0}, {@code m-1}, …, and a group that pops them. */
    static final class Pop {
        final Kit kit;
        final String topic;
        final String group;
        final DefaultMQProducer producer;

        Pop(Kit kit, int messages) throws Exception {
            this(sayingPop(kit), kit.topic(1), kit.named("g"));
            kit.send(producer, topic, "TagA", "m", messages);
        }

        /** @param topic that is there, of one queue */
        Pop(Kit kit, String topic, String group) throws Exception {
            this.kit = kit;
            this.topic = topic;
            this.group = group;
            producer = kit.producer();
        }

        private static Kit sayingPop(Kit kit) {
            if (kit.settings().older()) throw new Case.Skipped("clients before 5.0 know no POP");
            if (RemotingCommand.getSerializeTypeConfigInThisServer() == SerializeType.ROCKETMQ) {
                throw new Case.Skipped("the binary header has no room for POP's code");
            }
            return kit;
        }

        MQClientAPIImpl api() {
            return producer.getDefaultMQProducerImpl().getmQClientFactory().getMQClientAPIImpl();
        }

        RemotingCommand call(int code, Map<String, String> fields) throws Exception {
            RemotingCommand request = RemotingCommand.createRequestCommand(code, null);
            request.setExtFields(new HashMap<>(fields));
            return api().getRemotingClient().invokeSync(kit.settings().brokerAddr(), request, 20_000);
        }

        List<MessageExt> pop(int max, long invisibleMillis) throws Exception {
            return pop(max, invisibleMillis, 0, null);
        }

        /** @param attempt of an ordered POP; null: in no order */
        @SuppressWarnings("unchecked")
        List<MessageExt> pop(int max, long invisibleMillis, long pollMillis, String attempt) throws Exception {
            Class<?> type = Class.forName(HEADERS + "PopMessageRequestHeader");
            Object header = type.getDeclaredConstructor().newInstance();
            put(header, "ConsumerGroup", group);
            put(header, "Topic", topic);
            put(header, "QueueId", attempt == null ? -1 : 0);
            put(header, "MaxMsgNums", max);
            put(header, "InvisibleTime", invisibleMillis);
            put(header, "PollTime", pollMillis);
            put(header, "BornTime", System.currentTimeMillis());
            put(header, "InitMode", 0);
            put(header, "ExpType", "TAG");
            put(header, "Exp", "*");
            put(header, "Order", attempt != null);
            if (attempt != null) put(header, "AttemptId", attempt);
            Object result = answerOf("PopCallback", pollMillis, listener ->
                api().getClass()
                    .getMethod("popMessageAsync", String.class, String.class, type, long.class, listenerType("PopCallback"))
                    .invoke(api(), Settings.BROKER, kit.settings().brokerAddr(), header, pollMillis + 10_000, listener));
            Object found = result.getClass().getMethod("getMsgFoundList").invoke(result);
            return found == null ? List.of() : (List<MessageExt>) found;
        }

        /** Pops until so many have come. */
        List<MessageExt> popAll(int count, long invisibleMillis, int seconds) throws Exception {
            List<MessageExt> found = new ArrayList<>();
            eventually(count + " messages are popped", seconds, () -> {
                found.addAll(pop(32, invisibleMillis));
                return found.size() >= count;
            }, () -> "there are " + textsOf(found));
            return found;
        }

        int ack(MessageExt message) throws Exception {
            return call(ACK, handleOf(message)).getCode();
        }

        /** By the client's own call for many. */
        void batchAck(List<MessageExt> messages) throws Exception {
            List<String> handles = messages.stream().map(message -> message.getProperty("POP_CK")).collect(Collectors.toList());
            Object result = answerOf("AckCallback", 0, listener ->
                api().getClass()
                    .getMethod("batchAckMessageAsync", String.class, long.class, listenerType("AckCallback"), String.class, String.class, List.class)
                    .invoke(api(), kit.settings().brokerAddr(), 10_000L, listener, topic, group, handles));
            equal("OK", String.valueOf(result.getClass().getMethod("getStatus").invoke(result)), "status of a batch of acknowledgements");
        }

        RemotingCommand changeInvisibleTime(MessageExt message, long millis, boolean suspend) throws Exception {
            Map<String, String> fields = handleOf(message);
            fields.put("invisibleTime", String.valueOf(millis));
            fields.put("suspend", String.valueOf(suspend));
            RemotingCommand answer = call(CHANGE_INVISIBLE_TIME, fields);
            equal(0, answer.getCode(), "code of a change of the invisible time");
            return answer;
        }

        /** The message's receipt; its topic is the one that it lies in. */
        Map<String, String> handleOf(MessageExt message) {
            String[] parts = message.getProperty("POP_CK").split(" ");
            String real = parts[4].equals("1") ? "%RETRY%" + group + "_" + topic : parts[4].equals("2") ? "%RETRY%" + group + "+" + topic : topic;
            return new HashMap<>(Map.of("consumerGroup", group, "topic", real, "queueId", parts[6], "offset", parts[7],
                "extraInfo", message.getProperty("POP_CK")));
        }

        Map<String, String> asking(long pollMillis) {
            return new HashMap<>(Map.of("consumerGroup", group, "topic", topic, "queueId", "-1", "pollTime", String.valueOf(pollMillis),
                "bornTime", String.valueOf(System.currentTimeMillis()), "maxMsgNums", "32", "order", "false"));
        }
    }

    private static void put(Object header, String name, Object value) throws Exception {
        for (Method method : header.getClass().getMethods()) {
            if (method.getName().equals("set" + name)) method.invoke(header, value);
        }
    }

    private interface Call {
        void with(Object listener) throws Exception;
    }

    private static Class<?> listenerType(String name) throws Exception {
        return Class.forName("org.apache.rocketmq.client.consumer." + name);
    }

    private static Object answerOf(String callback, long pollMillis, Call call) throws Exception {
        Class<?> type = listenerType(callback);
        CompletableFuture<Object> answer = new CompletableFuture<>();
        call.with(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (self, method, args) -> {
            if (method.getName().equals("onSuccess")) answer.complete(args[0]);
            else answer.completeExceptionally((Throwable) args[0]);
            return null;
        }));
        return answer.get(pollMillis + 15_000, TimeUnit.MILLISECONDS);
    }

    /** {@code body times} of each. */
    static List<String> textsOf(List<MessageExt> messages) {
        return messages.stream().map(message -> Inbox.bodyOf(message) + " " + message.getReconsumeTimes()).collect(Collectors.toList());
    }

    private static Set<String> bodiesOf(List<MessageExt> messages) {
        return messages.stream().map(Inbox::bodyOf).collect(Collectors.toCollection(TreeSet::new));
    }

    // ---- acknowledgements

    private static void batchAck(Kit kit) throws Exception {
        Pop pop = new Pop(kit, 8);
        List<MessageExt> first = pop.popAll(8, 3_000, 20);
        pop.batchAck(first.stream().filter(message -> message.getQueueOffset() % 4 != 1).collect(Collectors.toList()));
        List<MessageExt> again = pop.popAll(2, LONG, 30);
        equal(List.of("m-1 1", "m-5 1"), textsOf(again), "what was left out of the batch");
        // of the topic itself and of its retry topic
        pop.batchAck(again);
        equal(List.of(), pop.pop(32, LONG), "what is left");
    }

    private static void changeInvisibleTime(Kit kit) throws Exception {
        Pop pop = new Pop(kit, 2);
        List<MessageExt> first = pop.popAll(2, 4_000, 20);
        RemotingCommand longer = pop.changeInvisibleTime(first.get(0), LONG, false);
        equal(String.valueOf(LONG), longer.getExtFields().get("invisibleTime"), "the new invisible time");
        check(Long.parseLong(longer.getExtFields().get("popTime")) >= Long.parseLong(first.get(0).getProperty("POP_CK").split(" ")[1]), "popTime");
        pop.changeInvisibleTime(first.get(1), 1_000, false);
        // the handle from before is over: this acknowledges nothing
        equal(0, pop.ack(first.get(1)), "code for an old handle");
        List<MessageExt> second = pop.popAll(1, LONG, 30);
        equal(List.of("m-1 1"), textsOf(second), "what is hidden for less long");
        neverWithin(3_000, "what is hidden for longer comes", () -> !pop.pop(32, LONG).isEmpty());
    }

    // ---- waiting

    private static boolean hasMessages(RemotingCommand answer) {
        equal(0, answer.getCode(), "code of NOTIFICATION");
        return Boolean.parseBoolean(answer.getExtFields().get("hasMsg"));
    }

    private static <T> CompletableFuture<T> later(java.util.concurrent.Callable<T> action) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return action.call();
            } catch (Exception fault) {
                throw new IllegalStateException(fault);
            }
        });
    }

    private static void notification(Kit kit) throws Exception {
        Pop pop = new Pop(kit, 1);
        eventually("it tells of a message", 10, () -> hasMessages(pop.call(NOTIFICATION, pop.asking(0))));
        List<MessageExt> one = pop.popAll(1, LONG, 10);
        equal(false, hasMessages(pop.call(NOTIFICATION, pop.asking(0))), "when all are given out");
        CompletableFuture<Boolean> waiting = later(() -> hasMessages(pop.call(NOTIFICATION, pop.asking(10_000))));
        neverWithin(500, "it answers though nothing is there", waiting::isDone);
        kit.send(pop.producer, pop.topic, "TagA", "next", 1);
        equal(true, waiting.get(10, TimeUnit.SECONDS), "when one comes");
        equal(List.of("next-0 0"), textsOf(pop.popAll(1, LONG, 10)), "which was not given out by it");
        equal(0, pop.ack(one.get(0)), "code of an acknowledgement");
        Map<String, String> late = pop.asking(1_000);
        late.put("bornTime", String.valueOf(System.currentTimeMillis() - 10_000));
        equal(false, hasMessages(pop.call(NOTIFICATION, late)), "one that is too late is answered");
    }

    private static void waits(Kit kit) throws Exception {
        Pop pop = new Pop(kit, 0);
        Map<String, String> info = Map.of("consumerGroup", pop.group, "topic", pop.topic, "queueId", "-1");
        pop.pop(1, LONG);
        equal("0", pop.call(POLLING_INFO, info).getExtFields().get("pollingNum"), "how many wait");
        CompletableFuture<List<MessageExt>> waiting = later(() -> pop.pop(1, LONG, 10_000, null));
        eventually("one waits", 10, () -> "1".equals(pop.call(POLLING_INFO, info).getExtFields().get("pollingNum")));
        kit.send(pop.producer, pop.topic, "TagA", "m", 1);
        equal(List.of("m-0 0"), textsOf(waiting.get(15, TimeUnit.SECONDS)), "what wakes it");
        equal(List.of(), pop.pop(1, LONG, 1_000, null), "when nothing comes");
        eventually("none waits", 10, () -> "0".equals(pop.call(POLLING_INFO, info).getExtFields().get("pollingNum")));
    }

    private static void peek(Kit kit) throws Exception {
        Pop pop = new Pop(kit, 3);
        for (int i = 0; i < 2; i++) {
            eventually("it shows all", 10, () -> {
                RemotingCommand answer = pop.call(PEEK, pop.asking(0));
                return answer.getCode() == 0 && MessageDecoder.decodes(java.nio.ByteBuffer.wrap(answer.getBody())).size() == 3;
            });
        }
        equal(Set.of("m-0", "m-1", "m-2"), bodiesOf(pop.popAll(3, LONG, 10)), "what can be popped behind it");
    }

    // ---- in order

    private static void ordered(Kit kit) throws Exception {
        Pop pop = new Pop(kit, 4);
        List<MessageExt> first = new ArrayList<>();
        eventually("two are given out", 10, () -> {
            first.addAll(pop.pop(2, LONG, 0, "one"));
            return !first.isEmpty();
        });
        equal(List.of("m-0 0", "m-1 0"), textsOf(first), "the first two");
        equal(List.of(), pop.pop(2, LONG, 0, "two"), "the queue is blocked for others");
        equal(List.of("m-0 0", "m-1 0"), textsOf(pop.pop(2, LONG, 0, "one")), "the same attempt gets the same");
        List<MessageExt> same = pop.pop(2, LONG, 0, "one");
        equal(0, pop.ack(same.get(0)), "code of an acknowledgement");
        equal(List.of(), pop.pop(2, LONG, 0, "two"), "one of two is acknowledged");
        RemotingCommand answer = pop.changeInvisibleTime(same.get(1), 1_500, false);
        equal("999", answer.getExtFields().get("reviveQid"), "reviveQid in order");
        List<MessageExt> again = new ArrayList<>();
        eventually("it comes again", 15, () -> {
            again.addAll(pop.pop(2, LONG, 0, "three"));
            return !again.isEmpty();
        });
        equal("m-1", Inbox.bodyOf(again.get(0)), "what was suspended comes before all behind it");
        kit.note("again: " + textsOf(again));
        for (MessageExt message : again) equal(0, pop.ack(message), "code of an acknowledgement");
        List<MessageExt> rest = new ArrayList<>(again);
        eventually("the rest comes", 15, () -> {
            List<MessageExt> found = pop.pop(4, LONG, 0, "four");
            for (MessageExt message : found) equal(0, pop.ack(message), "code of an acknowledgement");
            rest.addAll(found);
            return bodiesOf(rest).equals(Set.of("m-1", "m-2", "m-3"));
        });
    }

    /** What a consumer puts off with suspend comes again without having failed: its times are what they were. */
    private static void suspend(Kit kit) throws Exception {
        Pop pop = new Pop(kit, 3);
        List<MessageExt> found = pop.popAll(3, LONG, 20);
        for (int round = 0; round < 2; round++) {
            for (MessageExt message : found) pop.changeInvisibleTime(message, 1_000, !Inbox.bodyOf(message).equals("m-1"));
            neverWithin(500, "one comes before its time", () -> !pop.pop(32, LONG).isEmpty());
            found = pop.popAll(3, LONG, 30);
            equal(Set.of("m-0 0", "m-1 " + (round + 1), "m-2 0"), new TreeSet<>(textsOf(found)), "times after round " + round);
        }
        pop.batchAck(found);
        equal(List.of(), pop.pop(32, LONG), "what is left");
    }

    /** In order it makes no difference: the queue waits for that message, whose times count on. */
    private static void orderedSuspend(Kit kit) throws Exception {
        Pop pop = new Pop(kit, 3);
        List<MessageExt> found = new ArrayList<>();
        for (int round = 0; round < 3; round++) {
            int attempt = round;
            eventually("the first two come", 15, () -> {
                found.addAll(pop.pop(2, LONG, 0, "attempt" + attempt));
                return !found.isEmpty();
            });
            equal(List.of("m-0 " + round, "m-1 " + round), textsOf(found), "round " + round);
            for (MessageExt message : found) {
                RemotingCommand answer = pop.changeInvisibleTime(message, 1_500, round != 1);
                equal("999", answer.getExtFields().get("reviveQid"), "reviveQid in order");
            }
            neverWithin(700, "the queue waits", () -> !pop.pop(2, LONG, 0, "other").isEmpty());
            found.clear();
        }
        Set<String> all = new TreeSet<>();
        eventually("all come", 15, () -> {
            for (MessageExt message : pop.pop(2, LONG, 0, "last" + all.size())) {
                all.add(Inbox.bodyOf(message));
                equal(0, pop.ack(message), "code of an acknowledgement");
            }
            return all.equals(Set.of("m-0", "m-1", "m-2"));
        }, all::toString);
    }

    // ---- what the broker's configuration changes

    private interface Body {
        void run() throws Exception;
    }

    /** With these keys, which are what they were afterwards. */
    private static void with(Kit kit, Map<String, String> keys, Body body) throws Exception {
        Properties before = kit.admin().getBrokerConfig(kit.settings().brokerAddr());
        set(kit, keys);
        try {
            body.run();
        } finally {
            set(kit, keys.keySet().stream().collect(Collectors.toMap(key -> key, before::getProperty)));
        }
    }

    private static void set(Kit kit, Map<String, String> keys) throws Exception {
        Properties properties = new Properties();
        properties.putAll(keys);
        kit.admin().updateBrokerConfig(kit.settings().brokerAddr(), properties);
    }

    /** What was ever written into the revive topic. */
    private static long revived(Kit kit) throws Exception {
        long sum = 0;
        String topic = "rmq_sys_REVIVE_LOG_" + Settings.CLUSTER;
        kit.admin().examineTopicRouteInfo(topic);
        for (int queue = 0; queue < 8; queue++) sum += kit.admin().maxOffset(kit.queue(topic, queue));
        return sum;
    }

    private static void bufferMerge(Kit kit) throws Exception {
        Pop pop = new Pop(kit, 10);
        with(kit, Map.of("enablePopBufferMerge", "true"), () -> {
            long before = revived(kit);
            List<MessageExt> first = pop.popAll(10, LONG, 20);
            for (MessageExt message : first) equal(0, pop.ack(message), "code of an acknowledgement");
            equal(before, revived(kit), "records in the revive topic, when all is acknowledged in time");
            kit.send(pop.producer, pop.topic, "TagA", "n", 4);
            List<MessageExt> second = pop.popAll(4, 5_000, 20);
            pop.batchAck(second.subList(0, 2));
            equal(Set.of("n-2", "n-3"), bodiesOf(pop.popAll(2, LONG, 40)), "what is not acknowledged comes again");
            Map<String, String> queue = Map.of("consumerGroup", pop.group, "topic", pop.topic, "queueId", "0");
            eventually("the group's offset follows", 20, () ->
                "14".equals(pop.call(QUERY_CONSUMER_OFFSET, queue).getExtFields().get("offset")));
        });
    }

    private static void threshold(Kit kit) throws Exception {
        Pop pop = new Pop(kit, 12);
        with(kit, Map.of("enablePopMessageThreshold", "true", "popInflightMessageThreshold", "4"), () -> {
            List<MessageExt> first = pop.pop(5, LONG);
            equal(5, first.size(), "messages of the first POP");
            equal(List.of(), pop.pop(5, LONG), "more than may be open");
            for (MessageExt message : first) equal(0, pop.ack(message), "code of an acknowledgement");
            eventually("there is room again", 20, () -> pop.pop(5, LONG).size() == 5);
        });
    }

    /** What lies in a retry topic of version 1 stays in it, and is given out behind the change. */
    private static void retryTopicV2(Kit kit) throws Exception {
        Pop pop = new Pop(kit, 1);
        pop.popAll(1, 1_000, 10);
        List<MessageExt> again = new ArrayList<>();
        eventually("it comes again", 30, () -> {
            for (MessageExt message : pop.pop(1, 1_000)) if (message.getReconsumeTimes() > 0) again.add(message);
            return !again.isEmpty();
        });
        equal("1", again.get(0).getProperty("POP_CK").split(" ")[4], "the mark of the retry topic of version 1");
        with(kit, Map.of("enableRetryTopicV2", "true"), () -> {
            kit.send(pop.producer, pop.topic, "TagA", "n", 1);
            Set<String> marks = new TreeSet<>();
            eventually("of both versions", 40, () -> {
                for (MessageExt message : pop.pop(32, 1_000)) {
                    String mark = message.getProperty("POP_CK").split(" ")[4];
                    if (message.getReconsumeTimes() > 0) marks.add(mark + " " + Inbox.bodyOf(message));
                }
                return marks.stream().anyMatch(mark -> mark.startsWith("1")) && marks.stream().anyMatch(mark -> mark.startsWith("2"));
            }, marks::toString);
        });
    }

    // ---- restarts

    private static void overRestart(Kit kit, String end) throws Exception {
        Pop pop = new Pop(kit, 10);
        boolean apache = kit.settings().target().equals("apache");
        List<MessageExt> first = pop.popAll(10, apache ? 15_000 : 3_000, 20);
        List<MessageExt> acknowledged = first.subList(0, 4);
        for (MessageExt message : acknowledged) equal(0, pop.ack(message), "code of an acknowledgement");
        kit.servers(end);
        kit.servers("startBroker");
        RestartCases.brokerIsBack(kit, pop.topic);
        List<MessageExt> again = new ArrayList<>();
        eventually("what was not acknowledged comes again", 60, () -> {
            for (MessageExt message : pop.pop(32, LONG)) {
                again.add(message);
                equal(0, pop.ack(message), "code of an acknowledgement");
            }
            return bodiesOf(again).containsAll(bodiesOf(first.subList(4, 10)));
        }, () -> "there are " + textsOf(again));
        Set<String> twice = new HashSet<>(bodiesOf(again));
        twice.retainAll(bodiesOf(acknowledged));
        // a kill costs the offsets since they were saved last: what is given out again then comes twice, as with Apache
        if (end.equals("stopBroker")) {
            equal(Set.of(), twice, "what was acknowledged and comes again");
            for (MessageExt message : again) equal(1, message.getReconsumeTimes(), "times of " + Inbox.bodyOf(message));
        }
    }
}
