package edgemq.interop;

import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;

import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.SerializeType;

/**
 * Lite topics: many short-lived topics below a parent (5.5). The remoting client has the calls, and no consumer that makes
 * them; what is sent here is what the proxy sends. By name, since this is compiled against 4.9.8 too.
 */
final class LiteCases {
    private static final int ACK = 200051;
    private static final int CHANGE_INVISIBLE_TIME = 200053;
    private static final int SUBSCRIPTION_CTL = 200071;
    private static final int TRIGGER_DISPATCH = 200079;

    private LiteCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("litePop", LiteCases::popAndAck));
        cases.add(Case.together("liteAgain", LiteCases::again));
        cases.add(Case.together("liteWaits", LiteCases::waits));
        cases.add(Case.together("liteSubscriptions", LiteCases::subscriptions));
        cases.add(Case.together("liteWildcard", LiteCases::wildcard));
        cases.add(Case.together("liteRefusals", LiteCases::refusals));
        cases.add(Case.together("liteByMqadmin", LiteCases::byMqadmin));
        cases.add(Case.restart("liteOverRestart", LiteCases::overRestart));
    }

    /** One parent topic, a group bound to it, and who asks for messages. */
    private static final class Lite {
        final Kit kit;
        final String parent;
        final String group;
        private final DefaultMQProducer producer;

        Lite(Kit kit, Map<String, String> groupAttributes) throws Exception {
            this.kit = kit;
            needs(kit, "enableLmq");
            needs(kit, "enableMultiDispatch");
            parent = kit.named("t");
            group = kit.named("g");
            topic(kit, parent, Map.of("+message.type", "LITE", "+lite.topic.expiration", "30"));
            Map<String, String> attributes = new HashMap<>(groupAttributes);
            attributes.put("+lite.bind.topic", parent);
            group(kit, group, attributes);
            producer = kit.producer();
        }

        private MQClientAPIImpl api() {
            return producer.getDefaultMQProducerImpl().getmQClientFactory().getMQClientAPIImpl();
        }

        RemotingCommand call(int code, Map<String, String> fields, String body) throws Exception {
            RemotingCommand request = RemotingCommand.createRequestCommand(code, null);
            request.setExtFields(new HashMap<>(fields));
            if (body != null) request.setBody(Kit.bytes(body));
            return api().getRemotingClient().invokeSync(kit.settings().brokerAddr(), request, 10_000);
        }

        void send(String lite, String... texts) throws Exception {
            for (String text : texts) {
                Message message = new Message(parent, Kit.bytes(text));
                MessageAccessor.putProperty(message, "__LITE_TOPIC", lite);
                producer.send(message, kit.queue(parent, 0));
            }
        }

        RemotingCommand control(String action, String client, String more, String... lites) throws Exception {
            String names = List.of(lites).stream().map(lite -> '"' + lite + '"').collect(Collectors.joining(","));
            String body = "{\"subscriptionSet\":[{\"action\":\"" + action + "\",\"clientId\":\"" + id(client) + "\",\"group\":\"" + group
                + "\",\"topic\":\"" + parent + "\",\"liteTopicSet\":[" + names + "],\"version\":1" + more + "}]}";
            return call(SUBSCRIPTION_CTL, Map.of(), body);
        }

        /** Apache knows one group a client id. */
        String id(String client) {
            return kit.named(client);
        }

        void subscribe(String client, String... lites) throws Exception {
            equal(0, control("PARTIAL_ADD", client, "", lites).getCode(), "code of a subscription");
        }

        List<MessageExt> pop(String client, long invisibleMillis) throws Exception {
            return pop(client, invisibleMillis, 0, 32);
        }

        @SuppressWarnings("unchecked")
        List<MessageExt> pop(String client, long invisibleMillis, long pollMillis, int max) throws Exception {
            Class<?> type = Class.forName("org.apache.rocketmq.remoting.protocol.header.PopLiteMessageRequestHeader");
            Object header = type.getDeclaredConstructor().newInstance();
            type.getMethod("setClientId", String.class).invoke(header, id(client));
            type.getMethod("setConsumerGroup", String.class).invoke(header, group);
            type.getMethod("setTopic", String.class).invoke(header, parent);
            type.getMethod("setMaxMsgNum", int.class).invoke(header, max);
            type.getMethod("setInvisibleTime", long.class).invoke(header, invisibleMillis);
            type.getMethod("setPollTime", long.class).invoke(header, pollMillis);
            type.getMethod("setBornTime", long.class).invoke(header, System.currentTimeMillis());
            Class<?> callback = Class.forName("org.apache.rocketmq.client.consumer.PopCallback");
            CompletableFuture<Object> answer = new CompletableFuture<>();
            Object listener = Proxy.newProxyInstance(callback.getClassLoader(), new Class<?>[] {callback}, (self, method, args) -> {
                if (method.getName().equals("onSuccess")) answer.complete(args[0]);
                else answer.completeExceptionally((Throwable) args[0]);
                return null;
            });
            MQClientAPIImpl.class
                .getMethod("popLiteMessageAsync", String.class, String.class, type, long.class, callback)
                .invoke(api(), Settings.BROKER, kit.settings().brokerAddr(), header, pollMillis + 10_000, listener);
            Object result = answer.get(pollMillis + 15_000, TimeUnit.MILLISECONDS);
            Object found = result.getClass().getMethod("getMsgFoundList").invoke(result);
            return found == null ? List.of() : (List<MessageExt>) found;
        }

        /** Pops until something comes: what was sent a moment ago may not be in its light queue yet. */
        List<MessageExt> popSome(String client, long invisibleMillis) throws Exception {
            List<MessageExt> found = new ArrayList<>();
            eventually("messages of lite topics for " + client, 20, () -> {
                found.addAll(pop(client, invisibleMillis));
                return !found.isEmpty();
            });
            return found;
        }

        RemotingCommand ack(MessageExt message) throws Exception {
            return ack(message, message.getQueueOffset());
        }

        RemotingCommand ack(MessageExt message, long offset) throws Exception {
            return call(ACK, ackFields(message, offset), null);
        }

        void ackAll(List<MessageExt> messages) throws Exception {
            for (MessageExt message : messages) equal(0, ack(message).getCode(), "code of an acknowledgement");
        }

        RemotingCommand changeInvisibleTime(MessageExt message, long millis, boolean suspend) throws Exception {
            Map<String, String> fields = ackFields(message, message.getQueueOffset());
            fields.put("invisibleTime", String.valueOf(millis));
            fields.put("suspend", String.valueOf(suspend));
            return call(CHANGE_INVISIBLE_TIME, fields, null);
        }

        private Map<String, String> ackFields(MessageExt message, long offset) {
            return new HashMap<>(Map.of(
                "consumerGroup", group, "topic", parent, "queueId", "0", "offset", String.valueOf(offset),
                "extraInfo", message.getProperty("POP_CK"), "liteTopic", message.getProperty("__LITE_TOPIC")));
        }
    }

    private static void needs(Kit kit, String key) throws Exception {
        if (kit.settings().older()) throw new Case.Skipped("clients before 5.5 know no lite topics");
        if (RemotingCommand.getSerializeTypeConfigInThisServer() == SerializeType.ROCKETMQ) {
            throw new Case.Skipped("the binary header has no room for codes of lite topics");
        }
        Properties config = kit.admin().getBrokerConfig(kit.settings().brokerAddr());
        if (!"true".equals(config.getProperty(key))) throw new Case.Skipped("the broker's " + key + " is not true");
    }

    private static void topic(Kit kit, String name, Map<String, String> attributes) throws Exception {
        TopicConfig config = new TopicConfig(name);
        config.setReadQueueNums(2);
        config.setWriteQueueNums(2);
        TopicConfig.class.getMethod("setAttributes", Map.class).invoke(config, attributes);
        kit.admin().createAndUpdateTopicConfig(kit.settings().brokerAddr(), config);
        kit.routeExists(name);
    }

    private static void group(Kit kit, String name, Map<String, String> attributes) throws Exception {
        Class<?> type = Class.forName("org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig");
        Object config = type.getDeclaredConstructor().newInstance();
        type.getMethod("setGroupName", String.class).invoke(config, name);
        type.getMethod("setAttributes", Map.class).invoke(config, attributes);
        kit.admin().getClass().getMethod("createAndUpdateSubscriptionGroupConfig", String.class, type)
            .invoke(kit.admin(), kit.settings().brokerAddr(), config);
    }

    /** {@code lite offset body times} of each. */
    private static List<String> textsOf(List<MessageExt> messages) {
        return messages.stream().map(message -> message.getProperty("__LITE_TOPIC") + " " + message.getQueueOffset() + " "
            + Inbox.bodyOf(message) + " " + message.getReconsumeTimes()).collect(Collectors.toList());
    }

    private static void popAndAck(Kit kit) throws Exception {
        Lite lite = new Lite(kit, Map.of());
        lite.subscribe("c1", "a", "b");
        lite.send("a", "1", "2");
        lite.send("other", "x");
        List<MessageExt> first = lite.popSome("c1", 30_000);
        while (first.size() < 2) first.addAll(lite.pop("c1", 30_000));
        equal(List.of("a 0 1 0", "a 1 2 0"), textsOf(first), "the first POP");
        MessageExt one = first.get(0);
        equal(lite.parent, one.getTopic(), "the topic");
        equal("%LMQ%$" + lite.parent + "$a", one.getProperty("INNER_MULTI_DISPATCH"), "the light queue");
        equal(List.of("999", "0", Settings.BROKER, "0", "0"), List.of(one.getProperty("POP_CK").split(" ")).subList(3, 8), "end of POP_CK");
        lite.send("a", "3");
        lite.send("b", "4");
        equal(List.of("b 0 4 0"), textsOf(lite.popSome("c1", 30_000)), "what is not blocked");
        equal(13, lite.ack(one, 2).getCode(), "code for an offset that was not given out");
        equal(208, lite.ack(one, 4).getCode(), "code for an offset that is not there");
        lite.ackAll(first);
        lite.ackAll(first);
        List<MessageExt> third = lite.popSome("c1", 30_000);
        equal(List.of("a 2 3 0"), textsOf(third), "what is free by the acknowledgements");
        lite.ackAll(third);
    }

    private static void again(Kit kit) throws Exception {
        Lite lite = new Lite(kit, Map.of());
        lite.subscribe("c1", "a");
        lite.send("a", "1");
        equal(List.of("a 0 1 0"), textsOf(lite.popSome("c1", 1_000)), "given out");
        List<MessageExt> second = lite.popSome("c1", 60_000);
        equal(List.of("a 0 1 1"), textsOf(second), "given out again, when its time is over");
        RemotingCommand changed = lite.changeInvisibleTime(second.get(0), 1_000, false);
        equal(0, changed.getCode(), "code of a change");
        equal("999", changed.getExtFields().get("reviveQid"), "reviveQid of a change");
        List<MessageExt> third = lite.popSome("c1", 60_000);
        equal(List.of("a 0 1 2"), textsOf(third), "given out again, at the time it was changed to");
        equal(0, lite.changeInvisibleTime(third.get(0), 1_000, true).getCode(), "code of a suspension");
        List<MessageExt> fourth = lite.popSome("c1", 60_000);
        equal(List.of("a 0 1 2"), textsOf(fourth), "a suspension does not count");
        lite.ackAll(fourth);
        equal(List.of(), lite.pop("c1", 1_000), "after the acknowledgement");
    }

    private static void waits(Kit kit) throws Exception {
        Lite lite = new Lite(kit, Map.of());
        lite.subscribe("c1", "a");
        CompletableFuture<List<MessageExt>> waiting = CompletableFuture.supplyAsync(() -> {
            try {
                return lite.pop("c1", 30_000, 15_000, 32);
            } catch (Exception fault) {
                throw new IllegalStateException(fault);
            }
        });
        Kit.neverWithin(500, "an empty POP is answered", waiting::isDone);
        lite.send("a", "1");
        equal(List.of("a 0 1 0"), textsOf(waiting.get(10, TimeUnit.SECONDS)), "what wakes it");
    }

    private static void subscriptions(Kit kit) throws Exception {
        Lite lite = new Lite(kit, Map.of("+lite.sub.model", "Exclusive", "+lite.sub.reset.offset.exclusive", "true"));
        lite.subscribe("c1", "a", "b");
        lite.send("a", "1");
        lite.ackAll(lite.popSome("c1", 30_000));
        lite.subscribe("c2", "a");
        lite.send("a", "2");
        List<MessageExt> taken = lite.popSome("c2", 30_000);
        equal(List.of("a 0 1 0", "a 1 2 0"), textsOf(taken), "the second client begins at the start");
        lite.ackAll(taken);
        // Apache hands out what an event from before says, though the subscription is over.
        equal(List.of(), lite.pop("c2", 1_000), "nothing more is there");
        equal(0, lite.control("COMPLETE_ADD", "c2", "", "c").getCode(), "code of COMPLETE_ADD");
        lite.send("a", "3");
        equal(List.of(), lite.pop("c2", 1_000, 1_000, 32), "what it wants no more");
        equal(0, lite.control("PARTIAL_ADD", "c2", ",\"offsetOption\":{\"type\":\"OFFSET\",\"value\":1}", "a").getCode(), "code with offset");
        equal(List.of("a 1 2 0", "a 2 3 0"), textsOf(lite.popSome("c2", 1_000)), "from the offset it asked for");
        equal(0, lite.control("PARTIAL_REMOVE", "c2", "", "a").getCode(), "code of PARTIAL_REMOVE");
        equal(0, lite.control("COMPLETE_REMOVE", "c2", "").getCode(), "code of COMPLETE_REMOVE");
    }

    private static void wildcard(Kit kit) throws Exception {
        Lite lite = new Lite(kit, Map.of("+lite.sub.wildcard", "true"));
        equal(604, lite.control("PARTIAL_ADD", "c1", "", "a").getCode(), "a wildcard group names no lite topics");
        equal(0, lite.control("COMPLETE_ADD", "c1", "").getCode(), "code of COMPLETE_ADD");
        lite.send("a", "1");
        lite.send("b", "2");
        List<String> texts = new ArrayList<>();
        eventually("messages of all lite topics", 20, () -> {
            List<MessageExt> found = lite.pop("c1", 30_000);
            texts.addAll(textsOf(found));
            lite.ackAll(found);
            return texts.size() == 2;
        }, () -> "there are " + texts);
        check(texts.containsAll(List.of("a 0 1 0", "b 0 2 0")), "of both: " + texts);
    }

    private static void refusals(Kit kit) throws Exception {
        Lite lite = new Lite(kit, Map.of());
        String plain = kit.topic("plain", 1);
        String other = kit.named("other");
        group(kit, other, Map.of());
        Map<String, String> pop = new HashMap<>(Map.of(
            "clientId", "c1", "consumerGroup", lite.group, "topic", lite.parent, "maxMsgNum", "32", "invisibleTime", "10000",
            "pollTime", "0", "bornTime", String.valueOf(System.currentTimeMillis() + 60_000)));
        equal(210, lite.call(200070, pop, null).getCode(), "nothing is there");
        List<String> wrong = List.of("maxMsgNum=33 29", "topic=" + plain + " 29", "topic=" + kit.named("none") + " 17",
            "consumerGroup=" + other + " 29");
        for (String each : wrong) {
            Map<String, String> fields = new HashMap<>(pop);
            fields.put(each.substring(0, each.indexOf('=')), each.substring(each.indexOf('=') + 1, each.indexOf(' ')));
            equal(Integer.valueOf(each.split(" ")[1]), lite.call(200070, fields, null).getCode(), "code of a POP with " + each);
        }
        equal(604, lite.call(SUBSCRIPTION_CTL, Map.of(), null).getCode(), "code without a body");
        equal(604, lite.call(SUBSCRIPTION_CTL, Map.of(), "{\"subscriptionSet\":[]}").getCode(), "code without a subscription");
        equal(29, lite.call(200075, Map.of("topic", plain), null).getCode(), "code for a parent that is none");
        equal(17, lite.call(200075, Map.of("topic", kit.named("none")), null).getCode(), "code for a parent that is not there");
        equal(29, lite.call(TRIGGER_DISPATCH, Map.of("group", other), null).getCode(), "code for a group that is not bound");
        equal(29, lite.call(200078, Map.of("group", other, "topK", "3"), null).getCode(), "the same");
    }

    private static void byMqadmin(Kit kit) throws Exception {
        Lite lite = new Lite(kit, Map.of());
        lite.subscribe("c1", "a", "b");
        lite.send("a", "1", "2", "3");
        List<MessageExt> found = lite.popSome("c1", 30_000);
        equal(0, lite.ack(found.get(0)).getCode(), "code of an acknowledgement");
        AdminCommandCases.run(kit, "getBrokerLiteInfo -b {addr} -d", "{addr} +default ", "\"" + lite.parent + "\": *30", lite.group);
        AdminCommandCases.run(kit, "getParentTopicInfo -p " + lite.parent, lite.parent, lite.group, "30");
        AdminCommandCases.run(kit, "getLiteTopicInfo -p " + lite.parent + " -l a -s true", "broker-a", lite.id("c1"));
        AdminCommandCases.run(kit, "getLiteClientInfo -p " + lite.parent + " -g " + lite.group + " -c " + lite.id("c1") + " -s true", "broker-a", "\\$b");
        AdminCommandCases.run(kit, "getLiteGroupInfo -p " + lite.parent + " -g " + lite.group, "Total Lag Count: 2", "1 +a +2");
        AdminCommandCases.run(kit, "getLiteGroupInfo -p " + lite.parent + " -g " + lite.group + " -l a", "broker-a +3 +1 +2");
        AdminCommandCases.run(kit, "triggerLiteDispatch -p " + lite.parent + " -g " + lite.group + " -c " + lite.id("c1"), "broker-a +dispatched");
    }

    /** Subscriptions are the clients' to make again; what was not acknowledged is given out again, what was is not. */
    private static void overRestart(Kit kit) throws Exception {
        Lite lite = new Lite(kit, Map.of());
        lite.subscribe("c1", "a", "b");
        lite.send("a", "1", "2", "3");
        lite.send("b", "4");
        List<MessageExt> first = new ArrayList<>();
        eventually("all are given out", 20, () -> {
            first.addAll(lite.pop("c1", 3_000));
            return first.stream().map(Inbox::bodyOf).distinct().count() == 4;
        }, () -> textsOf(first).toString());
        for (MessageExt message : first) if (Inbox.bodyOf(message).equals("1")) equal(0, lite.ack(message).getCode(), "code of an acknowledgement");
        for (String end : List.of("stopBroker", "killBroker")) {
            kit.servers(end);
            kit.servers("startBroker");
            RestartCases.brokerIsBack(kit, lite.parent);
            lite.send("a", end);
            List<String> again = new ArrayList<>();
            eventually("what was not acknowledged comes again after " + end, 60, () -> {
                lite.subscribe("c1", "a", "b");
                for (MessageExt message : lite.pop("c1", 3_000)) again.add(Inbox.bodyOf(message));
                return again.containsAll(List.of("2", "3", "4", end));
            }, again::toString);
            if (end.equals("stopBroker")) check(!again.contains("1"), "what was acknowledged comes again: " + again);
        }
    }
}
