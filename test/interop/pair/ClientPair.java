import java.nio.charset.StandardCharsets;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** The Java side of a pair: `produce` or `consume`, nameserver, topic, group. Runs until its standard input ends. */
public final class ClientPair {
    public static void main(String[] args) throws Exception {
        String topic = args[2];
        String group = args[3];
        if (args[0].equals("produce")) {
            DefaultMQProducer producer = new DefaultMQProducer(group);
            producer.setNamesrvAddr(args[1]);
            producer.start();
            for (String body : new String[] {"plain", "x".repeat(20_000), "retried"}) {
                Message message = new Message(topic, "TagA", "key1 key2", body.getBytes(StandardCharsets.UTF_8));
                message.putUserProperty("color", "red");
                SendResult result = producer.send(message);
                System.out.println("sent " + result.getMsgId());
            }
            producer.shutdown();
            return;
        }
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group);
        consumer.setNamesrvAddr(args[1]);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                System.out.println(String.join("|", "got", message.getMsgId(), new String(message.getBody(), StandardCharsets.UTF_8),
                    String.valueOf(message.getTags()), String.valueOf(message.getKeys()), String.valueOf(message.getUserProperty("color")),
                    String.valueOf(message.getReconsumeTimes())));
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        String before = "";
        while (System.in.available() == 0) {
            TreeSet<Integer> queues = new TreeSet<>();
            for (MessageQueue queue : consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet()) {
                if (queue.getTopic().equals(topic)) queues.add(queue.getQueueId());
            }
            if (!queues.toString().equals(before)) System.out.println("queues " + queues);
            before = queues.toString();
            Thread.sleep(100);
        }
        consumer.shutdown();
    }
}
