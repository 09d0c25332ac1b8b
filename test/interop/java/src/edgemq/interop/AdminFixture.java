package edgemq.interop;

import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

/** A topic of two queues with 10 messages, a group that has consumed them and is running, and the producer. */
final class AdminFixture {
    private final Kit kit;
    final String topic;
    final String group;
    final String producers;
    final String clientId;
    /** The message at offset 0 of queue 0; its keys are "order-7". */
    final SendResult first;

    AdminFixture(Kit kit) throws Exception {
        this.kit = kit;
        topic = kit.topic(2);
        group = kit.named("g");
        producers = kit.named("p");
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        Inbox inbox = new Inbox();
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        DefaultMQProducer producer = kit.producer(producers);
        first = producer.send(new Message(topic, "TagA", "order-7", Kit.bytes("fixture-first")), kit.queue(topic, 0));
        for (int i = 0; i < 9; i++) producer.send(new Message(topic, "TagB", "other", Kit.bytes("fixture-" + i)));
        Kit.eventually("the fixture's messages are consumed", 20, () -> inbox.size() == 10);
        Kit.storeOffsets(consumer);
        Kit.eventually("the fixture's offsets are stored", 20, () ->
            kit.admin().examineConsumeStats(group, topic).computeTotalDiff() == 0);
        clientId = kit.admin().examineConsumerConnectionInfo(group).getConnectionSet().iterator().next().getClientId();
    }

    Kit kit() {
        return kit;
    }

    /** Puts the fixture's and the server's names into a command line: {@code {topic}}, {@code {group}}, … */
    String fill(String text) {
        List<String> pairs = List.of(
            "{topic}", topic, "{group}", group, "{producers}", producers, "{clientId}", clientId,
            "{offsetMsgId}", first.getOffsetMsgId(), "{msgId}", first.getMsgId(), "{addr}", kit.settings().brokerAddr(),
            "{namesrv}", kit.settings().namesrvAddr(), "{prefix}", kit.settings().prefix());
        String filled = text;
        for (int i = 0; i < pairs.size(); i += 2) filled = filled.replace(pairs.get(i), pairs.get(i + 1));
        return filled;
    }
}
