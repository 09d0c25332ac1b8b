package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;

import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.trace.TraceBean;
import org.apache.rocketmq.client.trace.TraceContext;
import org.apache.rocketmq.client.trace.TraceDataEncoder;
import org.apache.rocketmq.client.trace.TraceType;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Traces of messages: what producers and consumers say of them arrives on the trace topic, and can be read. */
final class TraceCases {
    private static final String TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC";

    private TraceCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("traceOfMessages", TraceCases::ofMessages));
        cases.add(Case.together("traceOfTransactions", TraceCases::ofTransactions));
        cases.add(Case.together("traceTopicOfBroker", TraceCases::topicOfBroker));
    }

    /** Reads a trace topic; the traces of this case are those of its groups. */
    private static Inbox traces(Kit kit, String traceTopic) throws Exception {
        return kit.consume(kit.named("readers"), traceTopic, "*");
    }

    private static List<TraceContext> read(Inbox inbox) {
        List<TraceContext> contexts = new ArrayList<>();
        for (MessageExt message : inbox.messages()) contexts.addAll(TraceDataEncoder.decoderFromTraceDataString(Inbox.bodyOf(message)));
        return contexts.stream().filter(context -> !context.getGroupName().isEmpty()).collect(Collectors.toList());
    }

    private static List<TraceContext> of(List<TraceContext> contexts, TraceType type, String msgId) {
        return contexts.stream()
            .filter(context -> context.getTraceType() == type && context.getTraceBeans().get(0).getMsgId().equals(msgId))
            .collect(Collectors.toList());
    }

    /** Sent, taken badly once, and taken: the topic is one of its own. */
    private static void ofMessages(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String traceTopic = kit.topic("traces", 2);
        Inbox inbox = traces(kit, traceTopic);
        String group = kit.named("g");
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group, null, new AllocateMessageQueueAveragely(), true, traceTopic);
        consumer.setNamesrvAddr(kit.settings().namesrvAddr());
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setPollNameServerInterval(1_000);
        consumer.setHeartbeatBrokerInterval(1_000);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) ->
            messages.get(0).getReconsumeTimes() == 0 ? ConsumeConcurrentlyStatus.RECONSUME_LATER : ConsumeConcurrentlyStatus.CONSUME_SUCCESS);
        kit.closing(consumer::shutdown);
        consumer.start();
        DefaultMQProducer producer = new DefaultMQProducer(kit.named("p"), null, true, traceTopic);
        producer.setNamesrvAddr(kit.settings().namesrvAddr());
        kit.closing(producer::shutdown);
        producer.start();
        Kit.readsRetryTopic(consumer);
        SendResult sent = producer.send(new Message(topic, "TagA", "key-1", bytes("traced")));
        List<TraceContext> contexts = new ArrayList<>();
        eventually("traces of the send and of two consumptions", 40, () -> {
            contexts.clear();
            contexts.addAll(read(inbox));
            return of(contexts, TraceType.Pub, sent.getMsgId()).size() == 1 && of(contexts, TraceType.SubBefore, sent.getMsgId()).size() == 2
                && of(contexts, TraceType.SubAfter, sent.getMsgId()).size() == 2;
        }, () -> "there are " + inbox.bodies());
        TraceContext pub = of(contexts, TraceType.Pub, sent.getMsgId()).get(0);
        TraceBean bean = pub.getTraceBeans().get(0);
        equal(kit.named("p"), pub.getGroupName(), "group of the send");
        check(pub.isSuccess(), "the send went well");
        equal(List.of(topic, "TagA", "key-1", sent.getOffsetMsgId(), kit.settings().brokerAddr(), "6"),
            List.of(bean.getTopic(), bean.getTags(), bean.getKeys(), bean.getOffsetMsgId(), bean.getStoreHost(), String.valueOf(bean.getBodyLength())),
            "what is said of the send");
        List<TraceContext> before = of(contexts, TraceType.SubBefore, sent.getMsgId());
        equal(List.of(0, 1), before.stream().map(context -> context.getTraceBeans().get(0).getRetryTimes()).sorted().collect(Collectors.toList()), "times");
        equal(group, before.get(0).getGroupName(), "group of the consumer");
        for (MessageExt message : inbox.messages()) {
            check(message.getKeys().contains(sent.getMsgId()), "the keys of a trace name the message: " + message.getKeys());
        }
        check(!kit.admin().queryMessage(traceTopic, sent.getMsgId(), 32, 0, Long.MAX_VALUE).getMessageList().isEmpty(), "traces are found by message id");
    }

    /** Half message and both ends, on the usual topic. */
    private static void ofTransactions(Kit kit) throws Exception {
        String topic = kit.topic(1);
        TransactionMQProducer producer = new TransactionMQProducer(null, kit.named("p"), null, true, null);
        producer.setNamesrvAddr(kit.settings().namesrvAddr());
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
                String body = new String(message.getBody());
                if (body.equals("later")) return LocalTransactionState.UNKNOW;
                return body.equals("commit") ? LocalTransactionState.COMMIT_MESSAGE : LocalTransactionState.ROLLBACK_MESSAGE;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                return LocalTransactionState.COMMIT_MESSAGE;
            }
        });
        kit.closing(producer::shutdown);
        producer.start();
        List<String> ids = new ArrayList<>();
        for (String body : List.of("commit", "rollback", "later")) ids.add(producer.sendMessageInTransaction(new Message(topic, bytes(body)), null).getMsgId());
        kit.routeExists(TRACE_TOPIC);
        Inbox inbox = traces(kit, TRACE_TOPIC);
        List<TraceContext> contexts = new ArrayList<>();
        eventually("traces of three half messages and their ends", 40, () -> {
            contexts.clear();
            contexts.addAll(read(inbox));
            return ids.stream().allMatch(id -> !of(contexts, TraceType.Pub, id).isEmpty() && !of(contexts, TraceType.EndTransaction, id).isEmpty())
                && of(contexts, TraceType.EndTransaction, ids.get(2)).stream().anyMatch(end -> end.getTraceBeans().get(0).isFromTransactionCheck());
        }, () -> "there are " + contexts.stream().map(context -> context.getTraceType() + " " + context.getGroupName()).collect(Collectors.toList()));
        List<LocalTransactionState> ends = new ArrayList<>();
        for (String id : ids.subList(0, 2)) {
            equal("Trans_Msg_Half", String.valueOf(of(contexts, TraceType.Pub, id).get(0).getTraceBeans().get(0).getMsgType()), "type of a half message");
            TraceBean end = of(contexts, TraceType.EndTransaction, id).get(0).getTraceBeans().get(0);
            equal(false, end.isFromTransactionCheck(), "by the producer itself");
            equal(id, end.getTransactionId(), "transaction id");
            ends.add(end.getTransactionState());
        }
        equal(List.of(LocalTransactionState.COMMIT_MESSAGE, LocalTransactionState.ROLLBACK_MESSAGE), ends, "ends");
    }

    /** traceTopicEnable and msgTraceTopicName: the broker makes the topic when it starts, with one queue. */
    private static void topicOfBroker(Kit kit) throws Exception {
        Properties config = kit.admin().getBrokerConfig(kit.settings().brokerAddr());
        String name = config.getProperty("msgTraceTopicName");
        boolean made = "true".equals(config.getProperty("traceTopicEnable"));
        if (!made) {
            equal(TRACE_TOPIC, name, "msgTraceTopicName");
            throw new Case.Skipped("the broker's traceTopicEnable is not true");
        }
        kit.routeExists(name);
        var queues = kit.admin().examineTopicRouteInfo(name).getQueueDatas().get(0);
        equal(List.of(1, 1, 6), List.of(queues.getReadQueueNums(), queues.getWriteQueueNums(), queues.getPerm()), "queues and permission of " + name);
        check(kit.admin().getAllTopicConfig(kit.settings().brokerAddr(), 10_000).getTopicConfigTable().containsKey(name), "among the broker's topics");
    }
}
