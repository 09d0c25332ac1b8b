package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Queues that are not plain ones, in one directory by turns Apache's and ours: of batches, light ones, compacted ones, and
 * plain ones with extended units, whose bits say what expressions take. Each case is one turn, which finds all that those before it wrote.
 */
@SuppressWarnings("deprecation")
final class SpecialCompatCases {
    private static final int BATCHES = 4;
    private static final int BATCH_SIZE = 3;
    private static final int LIGHT = 5;
    private static final int VALUES = 24;
    private static final int KEYS = 4;

    private static final int NUMBERED = 5;

    private int turn;
    private String bornTime;
    private boolean broken;

    private SpecialCompatCases() {}

    static void addTo(List<Case> cases) {
        SpecialCompatCases all = new SpecialCompatCases();
        cases.add(Case.named("special1_apacheWrites", kit -> all.turn(kit, "apache", "stopBroker")));
        cases.add(Case.named("special2_oursOpensItStopped", kit -> all.turn(kit, "ours", "stopBroker")));
        cases.add(Case.named("special3_apacheOpensOurs", kit -> all.turn(kit, "apache", "killBroker")));
        cases.add(Case.named("special4_oursOpensItKilled", kit -> all.turn(kit, "ours", "killBroker")));
        cases.add(Case.named("special5_apacheOpensOursKilled", kit -> all.turn(kit, "apache", "stopBroker")));
    }

    private void turn(Kit kit, String who, String end) throws Exception {
        check(!broken, "the turn before went well");
        broken = true;
        turn++;
        String batches = topicOf(kit, "batches");
        String plain = topicOf(kit, "plain");
        String compacted = topicOf(kit, "compacted");
        String light = "%LMQ%" + topicOf(kit, "light");
        if (turn == 1) {
            create(kit, batches, Map.of("+queue.type", "BatchCQ"));
            create(kit, plain, Map.of());
            create(kit, compacted, Map.of("+cleanup.policy", "COMPACTION"));
        } else {
            kit.servers("startBroker:" + who);
            for (String topic : List.of(batches, plain, compacted)) kit.routeExists(topic);
        }
        DefaultMQPullConsumer puller = kit.startedPullConsumer();
        puller.fetchSubscribeMessageQueues(plain);
        eventually("the broker answers", 30, () -> {
            try {
                puller.pull(kit.queue(plain, 0), "*", 0, 1);
                return true;
            } catch (Exception notYet) {
                return false;
            }
        });
        holds(kit, puller, turn - 1, batches, plain, compacted, light);
        DefaultMQProducer producer = kit.producer();
        for (int i = 0; i < BATCHES; i++) {
            List<Message> batch = new ArrayList<>();
            for (int j = 0; j < BATCH_SIZE; j++) batch.add(new Message(batches, "B", "b", bytes("b" + turn + "-" + i + "-" + j)));
            producer.send(batch);
        }
        for (int i = 0; i < LIGHT; i++) {
            Message message = new Message(plain, i % 2 == 0 ? "Even" : "Odd", "p", bytes("p" + turn + "-" + i));
            MessageAccessor.putProperty(message, "INNER_MULTI_DISPATCH", light);
            producer.send(message);
        }
        for (int i = 0; i < VALUES; i++) producer.send(new Message(compacted, "C", "key" + i % KEYS, bytes("c" + turn + "-" + i)));
        holds(kit, puller, turn, batches, plain, compacted, light);
        filtered(kit);
        kit.servers(end);
        broken = false;
    }

    /**
     * A group's expression is the one that the broker before wrote into consumerFilter.json, and its bits are where that one put
     * them: units of both brokers say which messages the expression takes.
     */
    private void filtered(Kit kit) throws Exception {
        String topic = topicOf(kit, "filtered");
        String group = topicOf(kit, "sql_group");
        DefaultMQProducer producer = kit.producer();
        if (turn == 1) {
            create(kit, topic, Map.of());
            producer.send(new Message(topic, bytes("before the expression")));
        }
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        Inbox inbox = new Inbox();
        consumer.subscribe(topic, MessageSelector.bySql("n > 2"));
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        String addr = kit.settings().brokerAddr();
        String[] filterData = {null};
        eventually("the broker has the expression", 30, () -> {
            try {
                filterData[0] = kit.admin().queryConsumeQueue(addr, topic, 0, 0, 1, group).getFilterData();
            } catch (Exception notYet) {
                return false;
            }
            return String.valueOf(filterData[0]).contains("n > 2");
        }, () -> String.valueOf(filterData[0]));
        Matcher matcher = Pattern.compile("\"bornTime\": *(\\d+)").matcher(filterData[0]);
        check(matcher.find(), "a bornTime in " + filterData[0]);
        if (turn == 1) bornTime = matcher.group(1);
        equal(bornTime, matcher.group(1), "when the expression came, which the file says");
        Set<String> passing = new TreeSet<>();
        for (int n = 0; n < NUMBERED; n++) {
            Message message = new Message(topic, bytes("n" + turn + "-" + n));
            message.putUserProperty("n", String.valueOf(n));
            producer.send(message);
            if (n > 2) passing.add("n" + turn + "-" + n);
        }
        eventually("what passes is consumed", 20, () -> inbox.bodies().containsAll(passing), () -> inbox.bodies().toString());
        int count = 1 + turn * NUMBERED;
        var units = kit.admin().queryConsumeQueue(addr, topic, 0, 0, count, group).getQueueData();
        equal(count, units.size(), "units of the topic");
        check(units.get(0).isEval(), "what came before the expression may pass");
        for (int i = 1; i < count; i++) {
            int n = (i - 1) % NUMBERED;
            int of = 1 + (i - 1) / NUMBERED;
            var unit = units.get(i);
            String what = n + " of turn " + of + ": " + unit;
            // a kill may take the bits, and then the message itself is asked
            if (n > 2 || unit.getBitMap() == null) check(unit.isEval(), "may pass: " + what);
            else check(!unit.isEval(), "does not pass: " + what);
            if (of == turn) check(unit.getBitMap() != null, "has bits: " + what);
        }
        consumer.shutdown();
    }

    /** Everything that {@code turns} turns wrote. */
    private void holds(Kit kit, DefaultMQPullConsumer puller, int turns, String batches, String plain, String compacted, String light)
        throws Exception {
        if (turns == 0) return;
        int inBatches = turns * BATCHES * BATCH_SIZE;
        eventually("the batches", 20, () -> pulled(puller, kit.queue(batches, 0), "*").size() == inBatches);
        List<MessageExt> found = pulled(puller, kit.queue(batches, 0), "*");
        for (int i = 0; i < found.size(); i++) equal((long) i, found.get(i).getQueueOffset(), "queue offset in a batch");
        equal("b" + turns + "-3-2", Inbox.bodyOf(found.get(found.size() - 1)), "the last of the last batch");
        MessageQueue lightQueue = new MessageQueue(light, Settings.BROKER, 0);
        eventually("the light queue", 20, () -> pulled(puller, lightQueue, "*").size() == turns * LIGHT);
        equal(turns * 2, pulled(puller, kit.queue(plain, 0), "Odd").size(), "messages by their tag");
        equal(turns * 3, pulled(puller, lightQueue, "Even").size(), "messages of the light queue by their tag");
        List<String> newest = new ArrayList<>();
        for (int i = VALUES - KEYS; i < VALUES; i++) newest.add("c" + turns + "-" + i);
        List<String> values = new ArrayList<>();
        eventually("the newest value of each key", 20, () -> {
            values.clear();
            for (MessageExt message : pulled(puller, kit.queue(compacted, 0), "*")) values.add(Inbox.bodyOf(message));
            return values.containsAll(newest);
        }, values::toString);
        equal(values.size(), (int) values.stream().distinct().count(), "each value once in " + values);
        check(values.size() <= turns * VALUES, "no more than were sent");
        if (turns < turn) eventually("older values are gone", 30, () -> pulled(puller, kit.queue(compacted, 0), "*").size() < 24);
    }

    private static String topicOf(Kit kit, String suffix) {
        return kit.settings().prefix() + "_special_" + suffix;
    }

    private static void create(Kit kit, String topic, Map<String, String> attributes) throws Exception {
        if (kit.settings().older()) throw new Case.Skipped("clients before 5.0 know no topic attributes");
        TopicConfig config = new TopicConfig(topic);
        config.setReadQueueNums(1);
        config.setWriteQueueNums(1);
        TopicConfig.class.getMethod("setAttributes", Map.class).invoke(config, attributes);
        kit.admin().createAndUpdateTopicConfig(kit.settings().brokerAddr(), config);
        kit.routeExists(topic);
    }

    private static List<MessageExt> pulled(DefaultMQPullConsumer puller, MessageQueue queue, String tags) throws Exception {
        List<MessageExt> messages = new ArrayList<>();
        for (long offset = 0;;) {
            PullResult result = puller.pull(queue, tags, offset, 32);
            if (result.getPullStatus() == PullStatus.FOUND) messages.addAll(result.getMsgFoundList());
            else if (result.getPullStatus() != PullStatus.NO_MATCHED_MSG) return messages;
            offset = result.getNextBeginOffset();
        }
    }
}
