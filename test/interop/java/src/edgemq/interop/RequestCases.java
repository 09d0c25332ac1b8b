package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.RequestTimeoutException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;

/** Request and reply: the answer is pushed to the producer that asked. */
final class RequestCases {
    private RequestCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("requestReply", RequestCases::requestReply));
        cases.add(Case.together("requestWithoutReply", RequestCases::requestWithoutReply));
    }

    /** A consumer that answers everything; the latch falls with the first message it has answered. */
    private static CountDownLatch answerer(Kit kit, String topic) throws Exception {
        CountDownLatch answered = new CountDownLatch(1);
        DefaultMQProducer answers = kit.producer();
        DefaultMQPushConsumer consumer = kit.pushConsumer(kit.named("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                try {
                    String body = "answer to " + new String(message.getBody());
                    if (message.getProperty(MessageConst.PROPERTY_MESSAGE_REPLY_TO_CLIENT) != null) {
                        answers.send(MessageUtil.createReplyMessage(message, bytes(body)), 10_000);
                    }
                    answered.countDown();
                } catch (Exception failed) {
                    return ConsumeConcurrentlyStatus.RECONSUME_LATER;
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        return answered;
    }

    private static void requestReply(Kit kit) throws Exception {
        String topic = kit.topic(2);
        CountDownLatch answered = answerer(kit, topic);
        String group = kit.named("asks");
        DefaultMQProducer asks = kit.producer(group);
        asks.send(new Message(topic, bytes("warm")));
        // A 4.9 client may skip its first heartbeat and divide the queues only 20 s later, against Apache's broker too: a
        // request counts from when both ends are known.
        check(answered.await(40, TimeUnit.SECONDS), "the first message is consumed");
        Kit.eventually("the broker knows who asks", 20, () -> {
            try {
                return !kit.admin().examineProducerConnectionInfo(group, topic).getConnectionSet().isEmpty();
            } catch (MQBrokerException unknownYet) {
                return false;
            }
        });
        for (int i = 0; i < 10; i++) {
            Message reply = asks.request(new Message(topic, bytes("question-" + i)), 20_000);
            equal("answer to question-" + i, new String(reply.getBody()), "reply");
            check(reply.getProperty("PUSH_REPLY_TIME") != null, "PUSH_REPLY_TIME");
        }
        List<CompletableFuture<String>> futures = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            CompletableFuture<String> future = new CompletableFuture<>();
            asks.request(new Message(topic, bytes("async-" + i)), new RequestCallback() {
                @Override
                public void onSuccess(Message message) {
                    future.complete(new String(message.getBody()));
                }

                @Override
                public void onException(Throwable failed) {
                    future.completeExceptionally(failed);
                }
            }, 20_000);
            futures.add(future);
        }
        for (int i = 0; i < 20; i++) equal("answer to async-" + i, futures.get(i).get(25, TimeUnit.SECONDS), "reply");
    }

    private static void requestWithoutReply(Kit kit) throws Exception {
        String topic = kit.topic(1);
        DefaultMQProducer asks = kit.producer();
        asks.send(new Message(topic, bytes("warm")));
        try {
            asks.request(new Message(topic, bytes("into the void")), 2_000);
        } catch (RequestTimeoutException expected) {
            return;
        }
        throw new AssertionError("a request that nobody answers came back");
    }
}
