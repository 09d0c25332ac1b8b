package edgemq.interop;

import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;
import static edgemq.interop.Kit.neverWithin;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Messages that one broker handed out by POP, in one directory by turns Apache's and ours: what was not acknowledged comes
 * again from the other broker when its invisible time is over, and not before; what was acknowledged does not; a handle of
 * one broker is good at the other; the group goes on behind what was handed out. Each case is one turn.
 */
final class PopCompatCases {
    /** Over when the next broker serves, or soon after. */
    private static final long SOON = 8_000;
    /** Not over when it begins: it must wait. */
    private static final long LATER = 24_000;
    /** Longer than two turns. */
    private static final long LONG = 300_000;
    private static final long SLACK = 100;

    /** A message that must come from the next broker. */
    private static final class Due {
        final int times;
        final long notBefore;

        Due(int times, long notBefore) {
            this.times = times;
            this.notBefore = notBefore;
        }
    }

    /** By body. */
    private final Map<String, Due> due = new TreeMap<>();
    /** Handed out for long: the next broker is told what becomes of it. */
    private final List<MessageExt> handles = new ArrayList<>();
    private long blockedUntil;
    private int turn;
    private boolean broken;

    private PopCompatCases() {}

    static void addTo(List<Case> cases) {
        PopCompatCases all = new PopCompatCases();
        cases.add(Case.named("pop1_apacheHandsOut", kit -> all.turn(kit, "apache", "stopBroker")));
        cases.add(Case.named("pop2_oursOpensItStopped", kit -> all.turn(kit, "ours", "stopBroker")));
        cases.add(Case.named("pop3_apacheOpensOurs", kit -> all.turn(kit, "apache", "killBroker")));
        cases.add(Case.named("pop4_oursOpensItKilled", kit -> all.turn(kit, "ours", "killBroker")));
        cases.add(Case.named("pop5_apacheOpensOursKilled", kit -> all.turn(kit, "apache", null)));
    }

    /** @param end how the broker goes; null: the last turn, which hands out nothing */
    private void turn(Kit kit, String who, String end) throws Exception {
        check(!broken, "the turn before went well");
        broken = true;
        turn++;
        String topic = topicOf(kit, "main");
        String inOrder = topicOf(kit, "ordered");
        if (turn == 1) {
            for (String each : List.of(topic, inOrder)) create(kit, each);
        } else {
            kit.servers("startBroker:" + who);
            RestartCases.brokerIsBack(kit, topic);
        }
        PopCallCases.Pop pop = new PopCallCases.Pop(kit, topic, topicOf(kit, "group"));
        PopCallCases.Pop ordered = new PopCallCases.Pop(kit, inOrder, topicOf(kit, "ordered_group"));
        if (turn > 1) {
            comesAgain(pop);
            comesInOrder(ordered);
        }
        if (end != null) {
            handOutInOrder(ordered);
            handOut(pop);
            // a kill takes what was not saved yet
            if (end.equals("killBroker")) kit.servers("untilSaved");
            kit.servers(end);
        }
        broken = false;
    }

    private static String topicOf(Kit kit, String suffix) {
        return kit.settings().prefix() + "_pop_" + suffix;
    }

    private static void create(Kit kit, String topic) throws Exception {
        TopicConfig config = new TopicConfig(topic);
        config.setReadQueueNums(1);
        config.setWriteQueueNums(1);
        kit.admin().createAndUpdateTopicConfig(kit.settings().brokerAddr(), config);
        kit.routeExists(topic);
    }

    private String body(int i) {
        return "t" + turn + "-" + i;
    }

    // ---- what is handed out before the broker goes

    private void handOut(PopCallCases.Pop pop) throws Exception {
        pop.kit.send(pop.producer, pop.topic, "TagA", "t" + turn, 10);
        // some of one check point, acknowledged one by one and as a batch
        long from = System.currentTimeMillis();
        List<MessageExt> found = fresh(pop, 0, 5, SOON);
        equal(0, pop.ack(found.get(0)), "code of an acknowledgement");
        pop.batchAck(List.of(found.get(2), found.get(4)));
        for (int i : new int[] {1, 3}) due.put(body(i), new Due(1, from + SOON));
        from = System.currentTimeMillis();
        fresh(pop, 5, 1, LATER);
        due.put(body(5), new Due(1, from + LATER));
        // put off, to earlier and to later
        found = fresh(pop, 6, 2, LONG);
        from = System.currentTimeMillis();
        pop.changeInvisibleTime(found.get(0), SOON, false);
        due.put(body(6), new Due(1, from + SOON));
        pop.changeInvisibleTime(found.get(1), LATER, true);
        due.put(body(7), new Due(0, from + LATER));
        handles.addAll(fresh(pop, 8, 2, LONG));
    }

    /** The group goes on where it was: what comes now was never handed out. */
    private List<MessageExt> fresh(PopCallCases.Pop pop, int first, int count, long invisibleMillis) throws Exception {
        List<MessageExt> found = new ArrayList<>();
        eventually(body(first) + " can be popped", 20, () -> {
            found.addAll(pop.pop(count, invisibleMillis));
            return !found.isEmpty();
        });
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < count; i++) expected.add(body(first + i) + " 0");
        equal(expected, PopCallCases.textsOf(found), "what is handed out");
        return found;
    }

    // ---- what the next broker does about it

    private void comesAgain(PopCallCases.Pop pop) throws Exception {
        equal(0, pop.ack(handles.get(0)), "code of an acknowledgement with the handle of the other broker");
        long from = System.currentTimeMillis();
        pop.changeInvisibleTime(handles.get(1), 1_000, false);
        due.put(Inbox.bodyOf(handles.get(1)), new Due(1, from + 1_000));
        handles.clear();
        Map<String, Due> waited = new HashMap<>(due);
        // of each turn one comes a second time from the broker after the next
        String refused = "t" + (turn - 1) + "-1";
        eventually("what was not acknowledged comes again", 60, () -> {
            for (MessageExt message : pop.pop(32, LONG)) {
                long now = System.currentTimeMillis();
                String text = Inbox.bodyOf(message);
                Due expected = due.remove(text);
                check(expected != null, text + " comes, which is not due, " + message.getReconsumeTimes() + " times; due: " + due.keySet());
                equal(expected.times, message.getReconsumeTimes(), "times of " + text);
                check(now >= expected.notBefore - SLACK, text + " comes " + (expected.notBefore - now) + " ms too early");
                waited.remove(text);
                if (text.equals(refused)) {
                    pop.changeInvisibleTime(message, LATER, false);
                    due.put(text, new Due(2, now + LATER));
                } else {
                    equal(0, pop.ack(message), "code of an acknowledgement");
                }
            }
            return waited.isEmpty();
        }, () -> "there wait still " + waited.keySet());
        neverWithin(1_500, "more comes than was due", () -> !pop.pop(32, LONG).isEmpty());
    }

    // ---- in order

    /** Two are handed out, and the first of them is acknowledged: then the queue waits for the second. */
    private void handOutInOrder(PopCallCases.Pop pop) throws Exception {
        pop.kit.send(pop.producer, pop.topic, "TagA", "t" + turn, 3);
        List<MessageExt> found = new ArrayList<>();
        blockedUntil = System.currentTimeMillis() + LATER;
        eventually("two are handed out in order", 20, () -> {
            found.addAll(pop.pop(2, LATER, 0, "first" + turn));
            return !found.isEmpty();
        });
        equal(List.of(body(0) + " 0", body(1) + " 0"), PopCallCases.textsOf(found), "what is handed out in order");
        equal(0, pop.ack(found.get(0)), "code of an acknowledgement");
    }

    private void comesInOrder(PopCallCases.Pop pop) throws Exception {
        List<String> expected = List.of("t" + (turn - 1) + "-1", "t" + (turn - 1) + "-2");
        List<String> came = new ArrayList<>();
        Set<String> attempts = new TreeSet<>();
        eventually("the rest comes in order", 60, () -> {
            String attempt = "again" + turn + "-" + attempts.size();
            attempts.add(attempt);
            for (MessageExt message : pop.pop(1, LONG, 0, attempt)) {
                check(System.currentTimeMillis() >= blockedUntil - SLACK, Inbox.bodyOf(message) + " comes while the queue waits");
                came.add(Inbox.bodyOf(message));
                equal(0, pop.ack(message), "code of an acknowledgement");
            }
            return came.size() >= expected.size();
        }, came::toString);
        equal(expected, came, "the rest, in order");
    }
}
