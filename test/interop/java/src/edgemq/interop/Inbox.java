package edgemq.interop;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.MessageExt;

/** What a consumer received, in the order of arrival. Safe for its many threads. */
final class Inbox {
    private final List<MessageExt> messages = new ArrayList<>();

    MessageListenerConcurrently concurrently() {
        return (batch, context) -> {
            addAll(batch);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        };
    }

    MessageListenerOrderly orderly() {
        return (batch, context) -> {
            addAll(batch);
            return ConsumeOrderlyStatus.SUCCESS;
        };
    }

    synchronized void addAll(List<MessageExt> batch) {
        messages.addAll(batch);
    }

    synchronized int size() {
        return messages.size();
    }

    synchronized List<MessageExt> messages() {
        return new ArrayList<>(messages);
    }

    MessageExt only() {
        List<MessageExt> all = messages();
        Kit.equal(1, all.size(), "number of messages received");
        return all.get(0);
    }

    /** All bodies as text, sorted. */
    List<String> bodies() {
        List<String> bodies = new ArrayList<>();
        for (MessageExt message : messages()) bodies.add(bodyOf(message));
        bodies.sort(Comparator.naturalOrder());
        return bodies;
    }

    static String bodyOf(MessageExt message) {
        return new String(message.getBody(), StandardCharsets.UTF_8);
    }

    /** Waits until at least {@code count} are here, then checks that these bodies came, each once. */
    void holdsExactly(List<String> expected, int seconds) throws Exception {
        List<String> sorted = new ArrayList<>(expected);
        sorted.sort(Comparator.naturalOrder());
        try {
            Kit.eventually(expected.size() + " messages received", seconds, () -> size() >= sorted.size());
        } catch (AssertionError e) {
            throw new AssertionError(e.getMessage() + "; received " + bodies(), e);
        }
        Kit.equal(sorted, bodies(), "bodies received");
    }
}
