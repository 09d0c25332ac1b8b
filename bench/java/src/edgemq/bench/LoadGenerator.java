package edgemq.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongFunction;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.impl.factory.MQClientInstance;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.message.MessageRequestMode;

/**
 * Drives a RocketMQ server with the ordinary client and prints one line of JSON a scenario.
 *
 * <p>Arguments: nameserver address, comma-separated pids of the server's processes, warm-up seconds, measured seconds,
 * size of the backlogs that are consumed, then the scenarios in the order wanted. The CPU of those pids is read at both
 * ends of the measured span, so that warm-up does not count.
 *
 * <p>The shell script that the system property {@code edgemq.bench.before} names runs before each scenario.
 */
public final class LoadGenerator {
    private static final int BODY_BYTES = 1024;
    private static final int BATCH_MESSAGES = 32;
    private static final int QUEUES = 8;
    private static final int ONEWAY_WINDOW = 1000;
    /** A quarter of the backlog waits for one second; the slowest server must have taken it in by then. */
    private static final int DELAY_SHARE = 4;
    private static final int DELAY_TAKEN_IN_PER_SECOND = 5_000;
    private static final int TRANSACTION_THREADS = 64;
    private static final int POP_BATCH_NUMS = 32;
    /** Acknowledgements that are under way when the last message was consumed count as well. */
    private static final int POP_SETTLE_MS = 1_000;
    private static final String SQL_EXPRESSION =
        "price > 10.5 AND name IS NOT NULL AND kind <> 'refund' AND region IN ('eu', 'us') AND grade = 3";
    private static final int SQL_PASSES_ONE_IN = 10;
    /** Passes one message in a hundred, and the client has next to nothing to do: what is measured is the server. */
    private static final String SQL_RARE_EXPRESSION =
        "name IS NOT NULL AND kind <> 'refund' AND region IN ('eu', 'us') AND grade = 3 AND price < 120.5";
    private static final int SQL_RARE_PASSES_ONE_IN = 100;

    private final String namesrvAddr;
    private final ServerCpu cpu;
    private final int warmUpSeconds;
    private final int measuredSeconds;
    private final int backlogMessages;
    private final byte[] body = new byte[BODY_BYTES];

    private LoadGenerator(String[] args) {
        namesrvAddr = args[0];
        cpu = new ServerCpu(args[1]);
        warmUpSeconds = Integer.parseInt(args[2]);
        measuredSeconds = Integer.parseInt(args[3]);
        backlogMessages = Integer.parseInt(args[4]);
        for (int i = 0; i < BODY_BYTES; i++) body[i] = (byte) ('a' + i % 26);
    }

    public static void main(String[] args) throws Exception {
        LoadGenerator generator = new LoadGenerator(args);
        int exitCode = 0;
        for (int i = 5; i < args.length; i++) {
            try {
                prepareMachine();
                generator.run(args[i]);
            } catch (Throwable e) {
                // the client's threads would keep this process alive
                e.printStackTrace();
                exitCode = 1;
            }
        }
        System.exit(exitCode);
    }

    private static void prepareMachine() throws Exception {
        String script = System.getProperty("edgemq.bench.before");
        if (script != null) new ProcessBuilder("sh", script).inheritIO().start().waitFor();
    }

    private void run(String scenario) throws Exception {
        switch (scenario) {
            case "sync1" -> sendLoop(scenario, 1, 1);
            case "sync64" -> sendLoop(scenario, 64, 1);
            case "batch" -> sendLoop(scenario, 4, BATCH_MESSAGES);
            case "async256" -> async(scenario, 256);
            case "oneway" -> oneway(scenario);
            case "consume" -> consume(scenario);
            case "delay" -> delay(scenario);
            case "transaction" -> transaction(scenario);
            case "pop" -> pop(scenario);
            case "sql" -> sql(scenario, SQL_EXPRESSION, SQL_PASSES_ONE_IN);
            case "sqlRare" -> sql(scenario, SQL_RARE_EXPRESSION, SQL_RARE_PASSES_ONE_IN);
            default -> throw new IllegalArgumentException("unknown scenario " + scenario);
        }
    }

    private DefaultMQProducer producer(String topic) throws Exception {
        return started(new DefaultMQProducer("bench-" + topic), topic);
    }

    /** Starts a producer and waits until it knows the queues of its topic. */
    private <T extends DefaultMQProducer> T started(T producer, String topic) throws Exception {
        producer.setNamesrvAddr(namesrvAddr);
        producer.setSendMsgTimeout(10_000);
        producer.setRetryTimesWhenSendFailed(0);
        producer.setRetryTimesWhenSendAsyncFailed(0);
        producer.start();
        producer.createTopic("TBW102", topic, QUEUES, null);
        for (int i = 0; i < 200; i++) {
            try {
                if (producer.fetchPublishMessageQueues(topic).size() == QUEUES) break;
            } catch (Exception notYet) {
                // the route follows with the broker's next registration
            }
            TimeUnit.MILLISECONDS.sleep(50);
        }
        return producer;
    }

    private List<Message> batchOf(String topic) {
        List<Message> batch = new ArrayList<>(BATCH_MESSAGES);
        for (int i = 0; i < BATCH_MESSAGES; i++) batch.add(new Message(topic, body));
        return batch;
    }

    /** One in ten of these passes {@link #SQL_EXPRESSION}, and nine find out with one of its last two terms. Of a thousand, ten pass the other. */
    private List<Message> batchWithProperties(String topic, long batchIndex) {
        List<Message> batch = batchOf(topic);
        for (int i = 0; i < BATCH_MESSAGES; i++) {
            long n = batchIndex * BATCH_MESSAGES + i;
            Message message = batch.get(i);
            message.putUserProperty("price", String.valueOf(20 + n % 1_000) + ".25");
            message.putUserProperty("name", "customer-" + n % 5_000);
            message.putUserProperty("kind", n % 3 == 0 ? "order" : "offer");
            message.putUserProperty("region", n % 2 == 0 ? "eu" : "asia");
            message.putUserProperty("grade", String.valueOf(n / 2 % 5));
        }
        return batch;
    }

    /** Threads that each wait for the answer before they send again. */
    private void sendLoop(String scenario, int threads, int messagesPerSend) throws Exception {
        String topic = "bench_" + scenario;
        DefaultMQProducer producer = producer(topic);
        Span span = new Span(scenario, threads);
        List<Thread> workers = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            Latencies latencies = span.latencies[t];
            Thread worker = new Thread(() -> {
                while (!span.ended) {
                    long from = System.nanoTime();
                    try {
                        SendResult result = messagesPerSend == 1
                            ? producer.send(new Message(topic, body))
                            : producer.send(batchOf(topic));
                        if (result.getSendStatus() != SendStatus.SEND_OK) span.failed.incrementAndGet();
                        if (span.measuring) latencies.add(System.nanoTime() - from, messagesPerSend);
                    } catch (Exception e) {
                        span.fail(e);
                    }
                }
            });
            worker.start();
            workers.add(worker);
        }
        span.measure();
        for (Thread worker : workers) worker.join();
        producer.shutdown();
        span.print();
    }

    private void async(String scenario, int inFlight) throws Exception {
        String topic = "bench_" + scenario;
        DefaultMQProducer producer = producer(topic);
        Span span = new Span(scenario, 1);
        Semaphore permits = new Semaphore(inFlight);
        Thread sender = new Thread(() -> {
            while (!span.ended) {
                permits.acquireUninterruptibly();
                long from = System.nanoTime();
                try {
                    producer.send(new Message(topic, body), new SendCallback() {
                        @Override
                        public void onSuccess(SendResult result) {
                            if (span.measuring) span.latencies[0].add(System.nanoTime() - from, 1);
                            permits.release();
                        }

                        @Override
                        public void onException(Throwable e) {
                            span.fail(e);
                            permits.release();
                        }
                    });
                } catch (Exception e) {
                    span.fail(e);
                    permits.release();
                }
            }
        });
        sender.start();
        span.measure();
        sender.join();
        permits.tryAcquire(inFlight, 10, TimeUnit.SECONDS);
        producer.shutdown();
        span.print();
    }

    /** Nothing is answered, so what counts is what has landed in the queues once they stand still. */
    private void oneway(String scenario) throws Exception {
        String topic = "bench_" + scenario;
        DefaultMQProducer producer = producer(topic);
        List<MessageQueue> queues = producer.fetchPublishMessageQueues(topic);
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(warmUpSeconds);
        while (System.nanoTime() < until) onewayWindow(producer, topic);
        long landedBefore = standStill(producer, queues).messages;
        long cpuBefore = cpu.readMicros();
        long from = System.nanoTime();
        until = from + TimeUnit.SECONDS.toNanos(measuredSeconds);
        long sent = 0;
        while (System.nanoTime() < until) {
            sent += onewayWindow(producer, topic);
        }
        Landed landed = standStill(producer, queues);
        long cpuMicros = cpu.readMicros() - cpuBefore;
        producer.shutdown();
        long messages = landed.messages - landedBefore;
        Report.print(scenario, messages, (landed.atNanos - from) / 1e9, null, cpuMicros, sent - messages, null);
    }

    /**
     * Oneway messages, then one that is answered. Without it the client floods its own event loop, which then waits for
     * a permit that only itself could give back.
     */
    private int onewayWindow(DefaultMQProducer producer, String topic) throws Exception {
        for (int i = 1; i < ONEWAY_WINDOW; i++) producer.sendOneway(new Message(topic, body));
        producer.send(new Message(topic, body));
        return ONEWAY_WINDOW;
    }

    private static long landed(DefaultMQProducer producer, List<MessageQueue> queues) throws Exception {
        long sum = 0;
        for (MessageQueue queue : queues) sum += producer.maxOffset(queue);
        return sum;
    }

    private record Landed(long messages, long atNanos) {}

    /** The number of messages in the queues, and when it last grew. */
    private Landed standStill(DefaultMQProducer producer, List<MessageQueue> queues) throws Exception {
        long last = -1;
        long changedAt = System.nanoTime();
        while (true) {
            long sum = landed(producer, queues);
            long now = System.nanoTime();
            if (sum != last) {
                last = sum;
                changedAt = now;
            } else if (now - changedAt > 500_000_000L) {
                return new Landed(last, changedAt);
            }
            TimeUnit.MILLISECONDS.sleep(5);
        }
    }

    /** A push consumer with the client's default settings over a backlog that was there before it started. */
    private void consume(String scenario) throws Exception {
        String topic = "bench_" + scenario;
        long expected = backlog(topic, index -> batchOf(topic));
        DefaultMQPushConsumer consumer = consumer();
        consumer.subscribe(topic, "*");
        new Consumption(expected, 1, 0).consume(consumer).print(scenario);
    }

    /** A backlog popped: the broker chooses the queues, and each message is acknowledged by itself. */
    private void pop(String scenario) throws Exception {
        String topic = "bench_" + scenario;
        long expected = backlog(topic, index -> batchOf(topic));
        DefaultMQPushConsumer consumer = consumer();
        DefaultMQProducer producer = producer(topic);
        MQClientInstance client = producer.getDefaultMQProducerImpl().getMqClientFactory();
        client.updateTopicRouteInfoFromNameServer(topic);
        String broker = client.findBrokerAddressInPublish("broker-a");
        client.getMQClientAPIImpl()
            .setMessageRequestMode(broker, topic, consumer.getConsumerGroup(), MessageRequestMode.POP, 0, 10_000);
        producer.shutdown();
        consumer.subscribe(topic, "*");
        consumer.setClientRebalance(false);
        consumer.setPopBatchNums(POP_BATCH_NUMS);
        new Consumption(expected, 1, POP_SETTLE_MS).consume(consumer).print(scenario);
    }

    /**
     * A backlog of which the broker delivers one message in `passesOneIn`, read by one group after the other; the rate is of those
     * that it looked at. A server that looks at a million messages a second is through with it before client and server are
     * compiled: groups that begin within the warm-up do not count.
     */
    private void sql(String scenario, String expression, int passesOneIn) throws Exception {
        String topic = "bench_" + scenario;
        long expected = backlog(topic, index -> batchWithProperties(topic, index));
        long warmUntil = System.nanoTime() + TimeUnit.SECONDS.toNanos(warmUpSeconds);
        Callable<Consumed> group = () -> new Consumption(expected, passesOneIn, 0).consume(filtering(topic, expression));
        while (System.nanoTime() < warmUntil) group.call();
        Consumed sum = group.call();
        while (sum.failed == 0 && sum.seconds < measuredSeconds) sum = sum.and(group.call());
        sum.print(scenario);
    }

    private DefaultMQPushConsumer filtering(String topic, String expression) throws Exception {
        DefaultMQPushConsumer consumer = consumer();
        consumer.subscribe(topic, MessageSelector.bySql(expression));
        // By default the client rests 50 ms when it is 2,000 offsets ahead: 200 of these messages, which measures the client.
        consumer.setConsumeConcurrentlyMaxSpan(65_535);
        return consumer;
    }

    /** Fills a topic. @return messages in it */
    private long backlog(String topic, LongFunction<List<Message>> batch) throws Exception {
        DefaultMQProducer producer = producer(topic);
        AtomicLong left = new AtomicLong(backlogMessages / BATCH_MESSAGES);
        List<Thread> workers = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            Thread worker = new Thread(() -> {
                for (long index = left.decrementAndGet(); index >= 0; index = left.decrementAndGet()) {
                    while (!sent(producer, batch.apply(index))) {
                        // refused: the same messages again
                    }
                }
            });
            worker.start();
            workers.add(worker);
        }
        for (Thread worker : workers) worker.join();
        long messages = landed(producer, producer.fetchPublishMessageQueues(topic));
        producer.shutdown();
        // The kernel would write gigabytes of it while it is consumed, with the cores of those who are measured.
        new ProcessBuilder("sync").start().waitFor();
        return messages;
    }

    private static boolean sent(DefaultMQProducer producer, List<Message> batch) {
        try {
            producer.send(batch);
            return true;
        } catch (Exception e) {
            return false;
        }
    }

    private DefaultMQPushConsumer consumer() {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("bench-consumer-" + System.nanoTime());
        consumer.setNamesrvAddr(namesrvAddr);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        return consumer;
    }

    /** What was measured of backlogs being consumed. */
    private record Consumed(long messages, double seconds, long cpuMicros, long failed) {
        Consumed and(Consumed next) {
            return new Consumed(messages + next.messages, seconds + next.seconds, cpuMicros + next.cpuMicros, failed + next.failed);
        }

        void print(String scenario) {
            if (failed > 0) Report.print(scenario, 0, 1, null, 0, failed, "the backlog was not consumed in 120 s");
            else Report.print(scenario, messages, seconds, null, cpuMicros, 0, null);
        }
    }

    /** A backlog being consumed; the first tenth is warm-up: JIT of the consumer's path, and on Apache's side of the server's. */
    private final class Consumption {
        private final long looksAtEach;
        private final int settleMs;
        private final long total;
        private final long skipped;
        private final AtomicLong seen = new AtomicLong();
        private final AtomicLong firstNanos = new AtomicLong();
        private final AtomicLong lastNanos = new AtomicLong();
        private final AtomicLong cpuBefore = new AtomicLong();
        private final CountDownLatch done = new CountDownLatch(1);

        /**
         * @param backlog messages in the topic
         * @param passesOneIn how many messages the server looks at for one that it delivers
         * @param settleMs for how long after the last message the server's CPU still counts
         */
        Consumption(long backlog, int passesOneIn, int settleMs) {
            this.looksAtEach = passesOneIn;
            this.settleMs = settleMs;
            total = backlog / passesOneIn;
            skipped = total / 10;
        }

        Consumed consume(DefaultMQPushConsumer consumer) throws Exception {
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
                take(messages.size());
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
            consumer.start();
            boolean all = done.await(120, TimeUnit.SECONDS);
            TimeUnit.MILLISECONDS.sleep(settleMs);
            long cpuMicros = cpu.readMicros() - cpuBefore.get();
            consumer.shutdown();
            if (!all) return new Consumed(0, 0, 0, Math.max(1, total - seen.get()));
            return new Consumed((total - skipped) * looksAtEach, (lastNanos.get() - firstNanos.get()) / 1e9, cpuMicros, 0);
        }

        private void take(int count) {
            long before = seen.getAndAdd(count);
            long after = before + count;
            if (before < skipped && after >= skipped) {
                cpuBefore.set(cpu.readMicros());
                firstNanos.set(System.nanoTime());
            }
            if (before < total && after >= total) {
                lastNanos.set(System.nanoTime());
                done.countDown();
            }
        }
    }

    /**
     * Threads that each send a half message and commit it. The commit is not answered, so what counts is what landed in the
     * queues; the latency is that of the half message and of writing the commit.
     */
    private void transaction(String scenario) throws Exception {
        String topic = "bench_" + scenario;
        TransactionMQProducer producer = new TransactionMQProducer("bench-" + topic);
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
                return LocalTransactionState.COMMIT_MESSAGE;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                return LocalTransactionState.COMMIT_MESSAGE;
            }
        });
        started(producer, topic);
        List<MessageQueue> queues = producer.fetchPublishMessageQueues(topic);
        Span span = new Span(scenario, TRANSACTION_THREADS);
        List<Thread> workers = new ArrayList<>();
        for (Latencies latencies : span.latencies) {
            Thread worker = new Thread(() -> {
                while (!span.ended) {
                    long from = System.nanoTime();
                    try {
                        SendResult result = producer.sendMessageInTransaction(new Message(topic, body), null);
                        if (result.getSendStatus() != SendStatus.SEND_OK) span.failed.incrementAndGet();
                        if (span.measuring) latencies.add(System.nanoTime() - from, 1);
                    } catch (Exception e) {
                        span.fail(e);
                    }
                }
            });
            worker.start();
            workers.add(worker);
        }
        TimeUnit.SECONDS.sleep(warmUpSeconds);
        long landedBefore = landed(producer, queues);
        long cpuBefore = cpu.readMicros();
        long from = System.nanoTime();
        span.measuring = true;
        TimeUnit.SECONDS.sleep(measuredSeconds);
        span.measuring = false;
        span.ended = true;
        for (Thread worker : workers) worker.join();
        Landed landed = standStill(producer, queues);
        long cpuMicros = cpu.readMicros() - cpuBefore;
        producer.shutdown();
        double seconds = (landed.atNanos - from) / 1e9;
        long failed = span.failed.get();
        Report.print(scenario, landed.messages - landedBefore, seconds, span.all(), cpuMicros, failed, span.firstFailure);
    }

    /**
     * Messages that all wait for the same second: how fast they are taken in ({@code delayPark}), and, from the first that is
     * seen in its queue to the last, how fast they are delivered.
     */
    private void delay(String scenario) throws Exception {
        String topic = "bench_" + scenario;
        DefaultMQProducer producer = producer(topic);
        List<MessageQueue> queues = producer.fetchPublishMessageQueues(topic);
        int count = backlogMessages / DELAY_SHARE;
        long deliverAt = System.currentTimeMillis() + 10_000 + 1_000L * count / DELAY_TAKEN_IN_PER_SECOND;
        Semaphore permits = new Semaphore(256);
        AtomicLong failed = new AtomicLong();
        long cpuBefore = cpu.readMicros();
        long from = System.nanoTime();
        for (int i = 0; i < count; i++) {
            permits.acquireUninterruptibly();
            Message message = new Message(topic, body);
            message.setDeliverTimeMs(deliverAt);
            producer.send(message, new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    permits.release();
                }

                @Override
                public void onException(Throwable e) {
                    failed.incrementAndGet();
                    permits.release();
                }
            });
        }
        permits.acquireUninterruptibly(256);
        double seconds = (System.nanoTime() - from) / 1e9;
        boolean late = System.currentTimeMillis() >= deliverAt;
        Report.print("delayPark", count, seconds, null, cpu.readMicros() - cpuBefore, failed.get(), late ? "not before it was due" : null);

        long expected = count - failed.get();
        while (System.currentTimeMillis() < deliverAt - 500) TimeUnit.MILLISECONDS.sleep(20);
        cpuBefore = cpu.readMicros();
        long firstNanos = 0;
        long seenFirst = 0;
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (true) {
            long landed = landed(producer, queues);
            if (landed > 0 && firstNanos == 0) {
                firstNanos = System.nanoTime();
                seenFirst = landed;
            }
            if (landed >= expected || System.nanoTime() > until) {
                double took = (System.nanoTime() - firstNanos) / 1e9;
                String failure = landed < expected ? "not delivered in 120 s" : null;
                Report.print(scenario, landed - seenFirst, took, null, cpu.readMicros() - cpuBefore, expected - landed, failure);
                break;
            }
            TimeUnit.MILLISECONDS.sleep(2);
        }
        producer.shutdown();
    }

    /** The measured part of a scenario: a flag the workers look at, and what they record. */
    private final class Span {
        final String scenario;
        final Latencies[] latencies;
        final AtomicLong failed = new AtomicLong();
        volatile boolean measuring;
        volatile boolean ended;
        volatile String firstFailure;
        private double seconds;
        private long cpuMicros;

        Span(String scenario, int writers) {
            this.scenario = scenario;
            latencies = new Latencies[writers];
            for (int i = 0; i < writers; i++) latencies[i] = new Latencies();
        }

        void fail(Throwable e) {
            if (measuring) failed.incrementAndGet();
            if (firstFailure == null) firstFailure = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
        }

        void measure() throws InterruptedException {
            TimeUnit.SECONDS.sleep(warmUpSeconds);
            long cpuBefore = cpu.readMicros();
            long from = System.nanoTime();
            measuring = true;
            TimeUnit.SECONDS.sleep(measuredSeconds);
            measuring = false;
            seconds = (System.nanoTime() - from) / 1e9;
            cpuMicros = cpu.readMicros() - cpuBefore;
            ended = true;
        }

        Latencies all() {
            Latencies all = new Latencies();
            for (Latencies one : latencies) all.addAll(one);
            return all;
        }

        void print() {
            Latencies all = all();
            Report.print(scenario, all.messages(), seconds, all, cpuMicros, failed.get(), firstFailure);
        }
    }
}
