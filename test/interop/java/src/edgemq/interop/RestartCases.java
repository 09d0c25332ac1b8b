package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Brokers and nameservers that go away and come back. */
@SuppressWarnings("deprecation")
final class RestartCases {
    private RestartCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.restart("everythingOverBrokerRestart", RestartCases::everythingOverBrokerRestart));
        cases.add(Case.restart("clientsOverBrokerRestart", RestartCases::clientsOverBrokerRestart));
        cases.add(Case.restart("namesrvRestart", RestartCases::namesrvRestart));
        cases.add(Case.restart("namesrvThatComesLate", RestartCases::namesrvThatComesLate));
        cases.add(Case.restart("killUnderLoad", RestartCases::killUnderLoad));
    }

    static void brokerIsBack(Kit kit, String topic) throws Exception {
        kit.routeExists(topic);
        eventually("the broker answers", 30, () -> {
            try {
                return kit.admin().maxOffset(kit.queue(topic, 0)) >= 0;
            } catch (Exception notYet) {
                return false;
            }
        });
    }

    private static void everythingOverBrokerRestart(Kit kit) throws Exception {
        String topic = kit.topic(2);
        String group = kit.named("g");
        DefaultMQProducer producer = kit.producer();
        List<SendResult> sent = kit.send(producer, topic, "TagA", "first", 30);
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        Inbox first = new Inbox();
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(first.concurrently());
        consumer.start();
        first.holdsExactly(Kit.bodies("first", 30), 20);
        Kit.finish(consumer);
        Message delayed = new Message(topic, bytes("delayed"));
        delayed.setDelayTimeLevel(2);
        producer.send(delayed);
        producer.shutdown();

        kit.servers("stopBroker");
        kit.servers("startBroker");
        brokerIsBack(kit, topic);

        equal(2, kit.admin().examineTopicRouteInfo(topic).getQueueDatas().get(0).getReadQueueNums(), "queues of the topic");
        DefaultMQProducer next = kit.producer();
        SendResult third = sent.get(3);
        MessageExt viewed = next.viewMessage(topic, third.getOffsetMsgId());
        equal("first-3", Inbox.bodyOf(viewed), "a message viewed by id");
        equal("first-5", Inbox.bodyOf(next.viewMessage(topic, sent.get(5).getMsgId())), "a message found in the index");
        kit.send(next, topic, "TagA", "second", 10);
        Inbox second = kit.consume(group, topic, "*");
        List<String> expected = Kit.bodies("second", 10);
        expected.add("delayed");
        second.holdsExactly(expected, 30);
        equal(41L, kit.messagesIn(topic, 2), "messages in the queues");
    }

    /** A producer and a consumer that stay up through a restart need no help. */
    private static void clientsOverBrokerRestart(Kit kit) throws Exception {
        String topic = kit.topic(2);
        DefaultMQProducer producer = kit.producer();
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        kit.send(producer, topic, "*", "before", 5);
        inbox.holdsExactly(Kit.bodies("before", 5), 20);
        kit.servers("stopBroker");
        kit.servers("startBroker");
        brokerIsBack(kit, topic);
        eventually("the producer sends again", 30, () -> {
            try {
                return producer.send(new Message(topic, bytes("after"))).getSendStatus() == SendStatus.SEND_OK;
            } catch (Exception notYet) {
                return false;
            }
        });
        eventually("the consumer receives again", 45, () -> inbox.bodies().contains("after"));
    }

    private static void namesrvRestart(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "*", "before", 1);
        kit.admin().createAndUpdateKvConfig(kit.named("ns"), "key", "survives");
        kit.servers("stopNamesrv0");
        kit.send(producer, topic, "*", "without", 3);
        kit.servers("startNamesrv0");
        eventually("the broker has registered again", 45, () -> {
            try {
                return !kit.admin().examineTopicRouteInfo(topic).getQueueDatas().isEmpty();
            } catch (Exception notYet) {
                return false;
            }
        });
        equal("survives", kit.admin().getKVConfig(kit.named("ns"), "key"), "key-value configuration after the restart");
        kit.consume(kit.named("g"), topic, "*").holdsExactly(List.of("before-0", "without-0", "without-1", "without-2"), 20);
    }

    /** The broker's second nameserver was down until now; then the first goes. */
    private static void namesrvThatComesLate(Kit kit) throws Exception {
        String topic = kit.topic(1);
        kit.servers("startNamesrv1");
        String late = kit.settings().namesrvAddrs().split(";")[1];
        DefaultMQProducer probe = new DefaultMQProducer(kit.named("probes"));
        probe.setNamesrvAddr(late);
        probe.setPollNameServerInterval(500);
        probe.start();
        try {
            eventually("the broker has registered with the late nameserver", 45, () -> {
                try {
                    return probe.fetchPublishMessageQueues(topic).size() == 1;
                } catch (Exception notYet) {
                    return false;
                }
            });
        } finally {
            probe.shutdown();
        }
        kit.servers("stopNamesrv0");
        try {
            DefaultMQProducer producer = new DefaultMQProducer(kit.named("p"));
            producer.setNamesrvAddr(kit.settings().namesrvAddrs());
            producer.setSendMsgTimeout(20_000);
            producer.start();
            try {
                eventually("a client finds the nameserver that is up", 30, () -> {
                    try {
                        return producer.send(new Message(topic, bytes("x"))).getSendStatus() == SendStatus.SEND_OK;
                    } catch (Exception notYet) {
                        return false;
                    }
                });
            } finally {
                producer.shutdown();
            }
        } finally {
            kit.servers("startNamesrv0");
            kit.servers("stopNamesrv1");
        }
        eventually("the broker is back at the first nameserver", 45, () -> {
            try {
                return !kit.admin().examineTopicRouteInfo(topic).getQueueDatas().isEmpty();
            } catch (Exception notYet) {
                return false;
            }
        });
    }

    /**
     * Kills the broker again and again while four threads send, each message once: what was acknowledged must be where the
     * answer said, and what a thread sent one after the other must stand in that order.
     */
    private static void killUnderLoad(Kit kit) throws Exception {
        int queues = 4;
        String topic = kit.topic(queues);
        DefaultMQProducer producer = new DefaultMQProducer(kit.named("p"));
        producer.setNamesrvAddr(kit.settings().namesrvAddr());
        producer.setPollNameServerInterval(500);
        producer.setSendMsgTimeout(3000);
        producer.setRetryTimesWhenSendFailed(0);
        producer.start();
        Map<String, String> acknowledged = new ConcurrentHashMap<>();
        AtomicInteger unanswered = new AtomicInteger();
        AtomicBoolean stop = new AtomicBoolean();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            String name = "t" + t + "-";
            Thread thread = new Thread(() -> {
                for (int number = 0; !stop.get(); number++) {
                    String body = name + number;
                    try {
                        SendResult result = producer.send(new Message(topic, "*", body, bytes(body)));
                        if (result.getSendStatus() == SendStatus.SEND_OK) acknowledged.put(body, place(result));
                    } catch (Exception down) {
                        unanswered.incrementAndGet();
                        pause(20);
                    }
                }
            });
            thread.start();
            threads.add(thread);
        }
        List<Long> startMillis = new ArrayList<>();
        try {
            for (int kill = 0; kill < kit.settings().kills(); kill++) {
                int before = acknowledged.size();
                eventually("messages are acknowledged again", 60, () -> acknowledged.size() > before + 200);
                kit.servers("killBroker");
                long from = System.nanoTime();
                kit.servers("startBroker");
                startMillis.add(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - from));
            }
            int before = acknowledged.size();
            eventually("messages are acknowledged again", 60, () -> acknowledged.size() > before + 200);
        } finally {
            stop.set(true);
            for (Thread thread : threads) thread.join();
            producer.shutdown();
        }
        brokerIsBack(kit, topic);
        Map<String, String> found = new ConcurrentHashMap<>();
        int duplicated = 0;
        int outOfOrder = 0;
        for (int queue = 0; queue < queues; queue++) {
            Map<String, Integer> last = new ConcurrentHashMap<>();
            for (MessageExt message : readQueue(kit, topic, queue)) {
                String body = Inbox.bodyOf(message);
                if (found.put(body, message.getQueueId() + ":" + message.getQueueOffset()) != null) duplicated++;
                String[] parts = body.split("-");
                int number = Integer.parseInt(parts[1]);
                if (number < last.getOrDefault(parts[0], -1)) outOfOrder++;
                last.put(parts[0], number);
            }
        }
        List<String> lost = new ArrayList<>();
        for (Map.Entry<String, String> entry : acknowledged.entrySet()) {
            if (!entry.getValue().equals(found.get(entry.getKey()))) {
                lost.add(entry.getKey() + " acknowledged at " + entry.getValue() + ", found at " + found.get(entry.getKey()));
            }
        }
        startMillis.sort(null);
        kit.note(startMillis.size() + " kills, " + acknowledged.size() + " acknowledged, " + unanswered + " unanswered of which "
            + (found.size() - acknowledged.size() + lost.size()) + " were stored, " + lost.size() + " lost, " + duplicated + " duplicated, "
            + outOfOrder + " out of order; start of the process until it serves: median "
            + startMillis.get(startMillis.size() / 2) + " ms, longest " + startMillis.get(startMillis.size() - 1) + " ms");
        check(lost.isEmpty(), "all " + acknowledged.size() + " acknowledged messages are where the answer said; missing "
            + lost.size() + ": " + lost.subList(0, Math.min(5, lost.size())));
        equal(0, duplicated, "messages that are there twice");
        equal(0, outOfOrder, "messages that stand before what their thread sent earlier");
        // and the index, the ids and the consumers see them too
        Set<String> wanted = new HashSet<>(acknowledged.keySet());
        Inbox inbox = kit.consume(kit.named("g"), topic, "*");
        eventually("a consumer receives every acknowledged message", 60, () -> {
            if (inbox.size() < wanted.size()) return false;
            wanted.removeAll(new HashSet<>(inbox.bodies()));
            return wanted.isEmpty();
        }, () -> "missing " + wanted.size());
    }

    private static String place(SendResult result) {
        return result.getMessageQueue().getQueueId() + ":" + result.getQueueOffset();
    }

    private static void pause(long millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static List<MessageExt> readQueue(Kit kit, String topic, int queue) throws Exception {
        List<MessageExt> messages = new ArrayList<>();
        DefaultMQPullConsumer consumer = kit.pullConsumer(kit.named("pullers" + queue));
        consumer.start();
        consumer.fetchSubscribeMessageQueues(topic);
        for (long offset = 0;;) {
            PullResult result = consumer.pull(kit.queue(topic, queue), "*", offset, 32);
            if (result.getPullStatus() == PullStatus.FOUND) messages.addAll(result.getMsgFoundList());
            else if (result.getPullStatus() != PullStatus.NO_MATCHED_MSG) return messages;
            offset = result.getNextBeginOffset();
        }
    }
}
