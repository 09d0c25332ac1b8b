package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.RequestTimeoutException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Request and reply: the answer is pushed to the producer that asked. */
final class RequestCases {
    private RequestCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("requestReply", RequestCases::requestReply));
        cases.add(Case.together("requestWithoutReply", RequestCases::requestWithoutReply));
    }

    private static void answerer(Kit kit, String topic) throws Exception {
        DefaultMQProducer answers = kit.producer();
        DefaultMQPushConsumer consumer = kit.pushConsumer(kit.named("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                try {
                    String body = "answer to " + new String(message.getBody());
                    answers.send(MessageUtil.createReplyMessage(message, bytes(body)), 10_000);
                } catch (Exception failed) {
                    return ConsumeConcurrentlyStatus.RECONSUME_LATER;
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
    }

    private static void requestReply(Kit kit) throws Exception {
        String topic = kit.topic(2);
        answerer(kit, topic);
        DefaultMQProducer asks = kit.producer();
        asks.send(new Message(topic, bytes("warm")));
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
