package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.neverWithin;

import java.util.ArrayList;
import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;

/** SQL92: the broker delivers what an expression over message properties passes. */
final class FilterCases {
    private FilterCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("sqlFilter", FilterCases::sqlFilter));
        cases.add(Case.together("sqlFilterTypes", FilterCases::sqlFilterTypes));
        cases.add(Case.together("sqlFilterWakes", FilterCases::sqlFilterWakes));
        cases.add(Case.together("sqlFilterChanges", FilterCases::sqlFilterChanges));
        cases.add(Case.together("sqlFilterRefused", FilterCases::sqlFilterRefused));
    }

    private static void send(DefaultMQProducer producer, String topic, String body, String... properties) throws Exception {
        Message message = new Message(topic, bytes(body));
        for (int i = 0; i < properties.length; i += 2) message.putUserProperty(properties[i], properties[i + 1]);
        producer.send(message);
    }

    private static Inbox consume(Kit kit, String group, String topic, String expression) throws Exception {
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        Inbox inbox = new Inbox();
        consumer.subscribe(topic, MessageSelector.bySql(expression));
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        return inbox;
    }

    private static void sqlFilter(Kit kit) throws Exception {
        String topic = kit.topic(2);
        DefaultMQProducer producer = kit.producer();
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            String region = List.of("eu", "us", "asia").get(i % 3);
            send(producer, topic, "m-" + i, "amount", String.valueOf(i), "region", region);
            if (i > 40 && !region.equals("asia")) expected.add("m-" + i);
        }
        Inbox inbox = consume(kit, kit.named("g"), topic, "amount > 40 AND region IN ('eu', 'us')");
        inbox.holdsExactly(expected, 20);
        neverWithin(500, "a message that does not pass", () -> inbox.size() > expected.size());
    }

    /** What has no such property, or a text where a number is asked for, is not delivered; system properties count as well. */
    private static void sqlFilterTypes(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        send(producer, topic, "none");
        send(producer, topic, "text", "n", "many");
        send(producer, topic, "float", "n", "7.5");
        send(producer, topic, "seven", "n", "7");
        send(producer, topic, "negative", "n", "-7");
        producer.send(new Message(topic, "TagX", "KeyX", bytes("tagged")));
        Inbox integers = consume(kit, kit.named("g1"), topic, "n BETWEEN 0 AND 100");
        Inbox floats = consume(kit, kit.named("g2"), topic, "n > 0.5");
        Inbox absent = consume(kit, kit.named("g3"), topic, "n IS NULL AND TAGS IS NOT NULL");
        Inbox not = consume(kit, kit.named("g4"), topic, "NOT (n = '7') AND n <> 'many' OR KEYS = 'KeyX'");
        integers.holdsExactly(List.of("seven"), 20);
        floats.holdsExactly(List.of("float", "seven"), 20);
        absent.holdsExactly(List.of("tagged"), 20);
        not.holdsExactly(List.of("float", "negative", "tagged"), 20);
    }

    private static void sqlFilterWakes(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        Inbox inbox = consume(kit, kit.named("g"), topic, "a = 'yes'");
        send(producer, topic, "first", "a", "yes");
        inbox.holdsExactly(List.of("first"), 20);
        for (int i = 0; i < 100; i++) send(producer, topic, "no-" + i, "a", "no");
        long from = System.nanoTime();
        send(producer, topic, "second", "a", "yes");
        inbox.holdsExactly(List.of("first", "second"), 20);
        check((System.nanoTime() - from) / 1_000_000 < 3000, "within 3 s");
    }

    private static void sqlFilterChanges(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String group = kit.named("g");
        DefaultMQProducer producer = kit.producer();
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        Inbox inbox = new Inbox();
        consumer.subscribe(topic, MessageSelector.bySql("a = 'one'"));
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        send(producer, topic, "one", "a", "one");
        inbox.holdsExactly(List.of("one"), 20);
        consumer.subscribe(topic, MessageSelector.bySql("a = 'two'"));
        Kit.eventually("a message of the new expression is received", 20, () -> {
            send(producer, topic, "two", "a", "two");
            return inbox.bodies().contains("two");
        });
        check(inbox.bodies().stream().filter("one"::equals).count() == 1, "nothing else of the old one");
    }

    /** The client asks the broker when it starts, and fails with the broker's words. */
    private static void sqlFilterRefused(Kit kit) throws Exception {
        String topic = kit.topic(1);
        kit.producer().send(new Message(topic, bytes("routed")));
        for (String expression : List.of("n >", "n > 'text'", "n = NULL", "5", "n BETWEEN 9 AND 1", "('x') IN ('x')")) {
            DefaultMQPushConsumer consumer = kit.pushConsumer(kit.named("g"));
            consumer.subscribe(topic, MessageSelector.bySql(expression));
            consumer.registerMessageListener(new Inbox().concurrently());
            try {
                consumer.start();
            } catch (MQClientException refused) {
                check(refused.getResponseCode() == 23, expression + ": code 23, not " + refused.getResponseCode());
                continue;
            } finally {
                consumer.shutdown();
            }
            throw new AssertionError(expression + " was accepted");
        }
    }
}
