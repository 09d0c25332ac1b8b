package edgemq.interop;

import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;
import static edgemq.interop.Kit.refused;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;

/** Queues that the broker divides among clients, by each strategy, to be pulled or popped. By name: 4.x has no such calls. */
final class AssignmentCases {
    private AssignmentCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("assignmentStrategies", AssignmentCases::strategies));
        cases.add(Case.together("requestModeRefused", AssignmentCases::refusals));
        cases.add(Case.restart("requestModeOverRestart", AssignmentCases::overRestart));
    }

    private static void needs5(Kit kit) {
        if (kit.settings().older()) throw new Case.Skipped("clients before 5.0 leave no assignment to the broker");
    }

    /** So many clients of a group, that read a topic; their ids in order. */
    private static List<DefaultMQPushConsumer> clients(Kit kit, String topic, String group, int count) throws Exception {
        List<DefaultMQPushConsumer> consumers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            DefaultMQPushConsumer consumer = kit.pushConsumer(group);
            consumer.setInstanceName(kit.named("c" + i));
            consumer.subscribe(topic, "*");
            consumer.registerMessageListener(new Inbox().concurrently());
            consumer.start();
            consumers.add(consumer);
        }
        eventually("the broker knows all clients", 20, () -> {
            try {
                return kit.admin().examineConsumerConnectionInfo(group).getConnectionSet().size() == count;
            } catch (Exception notYet) {
                return false;
            }
        });
        return consumers;
    }

    private static String idOf(DefaultMQPushConsumer consumer) {
        return consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId();
    }

    /** Queue ids in order, with {@code P} for POP; {@code none} when the broker says nothing. */
    private static String given(Kit kit, DefaultMQPushConsumer consumer, String topic, String strategy, String model) throws Exception {
        MQClientAPIImpl api = consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getMQClientAPIImpl();
        for (Method method : api.getClass().getMethods()) {
            if (!method.getName().equals("queryAssignment")) continue;
            Object modelOf = null;
            for (Object each : method.getParameterTypes()[5].getEnumConstants()) if (each.toString().equals(model)) modelOf = each;
            Object found = method.invoke(api, kit.settings().brokerAddr(), topic, consumer.getConsumerGroup(), idOf(consumer), strategy, modelOf, 10_000L);
            if (found == null) return "none";
            TreeSet<String> texts = new TreeSet<>();
            for (Object each : (Collection<?>) found) {
                Object queue = each.getClass().getMethod("getMessageQueue").invoke(each);
                Object mode = each.getClass().getMethod("getMode").invoke(each);
                texts.add((mode.toString().equals("POP") ? "P" : "") + queue.getClass().getMethod("getQueueId").invoke(queue));
            }
            return String.join(",", texts);
        }
        throw new AssertionError("the client has no queryAssignment");
    }

    private static List<String> all(Kit kit, List<DefaultMQPushConsumer> consumers, String topic, String strategy) throws Exception {
        List<String> texts = new ArrayList<>();
        for (DefaultMQPushConsumer consumer : consumers) texts.add(given(kit, consumer, topic, strategy, "CLUSTERING"));
        return texts;
    }

    private static void strategies(Kit kit) throws Exception {
        needs5(kit);
        String topic = kit.topic(5);
        String narrow = kit.topic("narrow", 2);
        String group = kit.named("g");
        List<DefaultMQPushConsumer> consumers = clients(kit, topic, group, 4);
        // The broker asks the nameserver for routes of its own.
        eventually("the broker knows the queues", 40, () -> given(kit, consumers.get(0), topic, "AVG", "CLUSTERING").equals("0,1"));
        equal(List.of("0,1", "2", "3", "4"), all(kit, consumers, topic, "AVG"), "by average");
        equal(List.of("0,4", "1", "2", "3"), all(kit, consumers, topic, "AVG_BY_CIRCLE"), "by circle");
        for (String other : List.of("CONSISTENT_HASH", "MACHINE_ROOM", "MACHINE_ROOM_NEARBY-AVG", "CONFIG", "", "avg")) {
            equal("none", given(kit, consumers.get(0), topic, other, "CLUSTERING"), "by \"" + other + "\", which brokers do not know");
        }
        equal("0,1,2,3,4", given(kit, consumers.get(2), topic, "AVG", "BROADCASTING"), "broadcasting");
        equal("none", given(kit, consumers.get(0), kit.named("nowhere"), "AVG", "CLUSTERING"), "of a topic that is not there");
        PopCases.popMode(kit, topic, group, 0);
        equal(List.of("P-1", "P-1", "P-1", "P-1"), all(kit, consumers, topic, "AVG"), "shared with all");
        equal("none", given(kit, consumers.get(0), topic, "MACHINE_ROOM", "CLUSTERING"), "POP by a strategy that brokers do not know");
        PopCases.popMode(kit, topic, group, 1);
        equal(List.of("P0,P1,P2", "P2,P3", "P3,P4", "P0,P1,P4"), all(kit, consumers, topic, "AVG"), "shared with one, by average");
        equal(List.of("P0,P1,P4", "P1,P2", "P2,P3", "P0,P3,P4"), all(kit, consumers, topic, "AVG_BY_CIRCLE"), "shared with one, by circle");
        PopCases.popMode(kit, topic, group, 3);
        equal("P-1", given(kit, consumers.get(3), topic, "AVG", "CLUSTERING"), "shared with three of four");
        PopCases.popMode(kit, narrow, group, 1);
        eventually("the broker knows the queues", 40, () -> given(kit, consumers.get(0), narrow, "AVG", "CLUSTERING").equals("P0"));
        equal(List.of("P0", "P1", "P0", "P1"), all(kit, consumers, narrow, "AVG"), "more clients than queues");
    }

    private static void refusals(Kit kit) throws Exception {
        needs5(kit);
        String topic = kit.topic(1);
        refused(16, "retry topic is not allowed to set mode", () -> mode(kit, "%RETRY%" + kit.named("g")));
        refused(17, "not exist", () -> mode(kit, kit.named("nowhere")));
        mode(kit, topic);
    }

    private static void mode(Kit kit, String topic) throws Exception {
        try {
            PopCases.popMode(kit, topic, kit.named("g"), 0);
        } catch (InvocationTargetException e) {
            throw e.getCause() instanceof Exception cause ? cause : e;
        }
    }

    private static void overRestart(Kit kit) throws Exception {
        needs5(kit);
        String topic = kit.topic(2);
        PopCases.popMode(kit, topic, kit.named("g"), 0);
        kit.servers("killBroker");
        kit.servers("startBroker");
        RestartCases.brokerIsBack(kit, topic);
        List<DefaultMQPushConsumer> consumers = clients(kit, topic, kit.named("g"), 1);
        eventually("the mode is what was set", 40, () -> given(kit, consumers.get(0), topic, "AVG", "CLUSTERING").equals("P-1"));
    }
}
