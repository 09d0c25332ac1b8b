import java.io.File;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import org.apache.rocketmq.common.BrokerConfig;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExtBrokerInner;
import org.apache.rocketmq.store.DefaultMessageStore;
import org.apache.rocketmq.store.GetMessageResult;
import org.apache.rocketmq.store.GetMessageStatus;
import org.apache.rocketmq.store.PutMessageResult;
import org.apache.rocketmq.store.QueryMessageResult;
import org.apache.rocketmq.store.config.MessageStoreConfig;
import org.apache.rocketmq.store.index.IndexFile;
import org.apache.rocketmq.store.stats.BrokerStatsManager;

/** What bench/store.ts runs of Apache: the same scenarios as program.ts, against DefaultMessageStore alone. */
public class StoreProgram {
    static String directory;
    static int messages;
    static int queues;
    static final byte[] BODY = new byte[200];
    static final InetSocketAddress HOST = new InetSocketAddress("127.0.0.1", 10911);

    public static void main(String[] args) throws Exception {
        directory = args[1];
        messages = Integer.parseInt(args[2]);
        queues = Integer.parseInt(args[3]);
        Arrays.fill(BODY, (byte) 120);
        switch (args[0]) {
            case "fill" -> fill();
            case "read" -> read();
            case "side" -> side();
            case "queues" -> manyQueues();
            case "index" -> index();
            default -> throw new IllegalArgumentException(args[0]);
        }
        System.exit(0);
    }

    static void tell(String name, double value) {
        System.out.println(name + "=" + value);
    }

    static String uniqKey(long i) {
        String hex = Long.toHexString(i * 2654435761L).toUpperCase();
        return "7F0000010001" + "0".repeat(20 - hex.length()) + hex;
    }

    static String topicOf(int queue) {
        return queues > 1000 ? "Bench" + queue / 100 : "Bench";
    }

    static int queueIdOf(int queue) {
        return queues > 1000 ? queue % 100 : queue;
    }

    static double cpuMicros() {
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return system.getProcessCpuTime() / 1000.0;
    }

    static void microsOf(String name, long[] nanos, int count) {
        long[] sorted = Arrays.copyOf(nanos, count);
        Arrays.sort(sorted);
        tell(name + ".p50Micros", sorted[count / 2] / 1000.0);
        tell(name + ".p99Micros", sorted[(int) (count * 0.99)] / 1000.0);
        tell(name + ".maxMicros", sorted[count - 1] / 1000.0);
    }

    static void put(DefaultMessageStore store, long i, int queue) {
        MessageExtBrokerInner message = new MessageExtBrokerInner();
        message.setTopic(topicOf(queue));
        message.setQueueId(queueIdOf(queue));
        message.setBody(BODY);
        message.setBornTimestamp(1_700_000_000_000L);
        message.setBornHost(HOST);
        message.setStoreHost(HOST);
        MessageAccessor.putProperty(message, "UNIQ_KEY", uniqKey(i));
        message.setPropertiesString(MessageDecoder.messageProperties2String(message.getProperties()));
        PutMessageResult result = store.putMessage(message);
        if (!result.isOk()) {
            throw new IllegalStateException(result.toString());
        }
    }

    static DefaultMessageStore opened() throws Exception {
        MessageStoreConfig config = new MessageStoreConfig();
        config.setStorePathRootDir(directory);
        config.setStorePathCommitLog(directory + File.separator + "commitlog");
        config.setHaListenPort(0);
        // The cold reader is not to be told how much one pull may be.
        config.setMaxTransferCountOnMessageInDisk(32);
        long began = System.nanoTime();
        DefaultMessageStore store = new DefaultMessageStore(config, new BrokerStatsManager("bench", true),
            (topic, queueId, offset, tags, time, bits, properties) -> { }, new BrokerConfig(), new ConcurrentHashMap<>());
        if (!store.load()) {
            throw new IllegalStateException("the store does not load");
        }
        store.start();
        tell("open.ms", (System.nanoTime() - began) / 1e6);
        return store;
    }

    static void waitDispatched(DefaultMessageStore store) throws Exception {
        while (store.dispatchBehindBytes() > 0) {
            Thread.sleep(1);
        }
    }

    static void fill() throws Exception {
        DefaultMessageStore store = opened();
        long began = System.nanoTime();
        double cpu = cpuMicros();
        for (int i = 0; i < messages; i++) {
            put(store, i, i % queues);
        }
        waitDispatched(store);
        tell("fill.rate", messages / ((System.nanoTime() - began) / 1e9));
        tell("fill.cpuMicros", (cpuMicros() - cpu) / messages);
        store.shutdown();
    }

    static volatile boolean stop;

    static void tail(DefaultMessageStore store, long ms, long[] nanos, int[] count) throws Exception {
        long end = System.nanoTime() + ms * 1_000_000;
        long offset = store.getMaxOffsetInQueue("Bench", 0);
        long i = messages;
        count[0] = 0;
        while (System.nanoTime() < end) {
            for (int k = 0; k < 5; k++) {
                put(store, i++, 0);
            }
            waitDispatched(store);
            long began = System.nanoTime();
            GetMessageResult got = store.getMessage("g", "Bench", 0, offset, 32, null);
            // What a broker that copies the messages into its answer does.
            ByteBuffer copy = ByteBuffer.allocate(Math.max(1, got.getBufferTotalSize()));
            for (ByteBuffer each : got.getMessageBufferList()) {
                copy.put(each);
            }
            got.release();
            nanos[count[0]++] = System.nanoTime() - began;
            offset = got.getNextBeginOffset();
            Thread.sleep(1);
        }
    }

    static void read() throws Exception {
        DefaultMessageStore store = opened();
        long[] nanos = new long[1_000_000];
        int[] count = new int[1];
        tail(store, 1000, nanos, count);
        tail(store, 4000, nanos, count);
        microsOf("tail.alone", nanos, count[0]);
        AtomicLong cold = new AtomicLong();
        Thread[] readers = new Thread[4];
        long began = System.nanoTime();
        double cpu = cpuMicros();
        for (int r = 0; r < 4; r++) {
            int first = r;
            readers[r] = new Thread(() -> {
                for (int queueId = first; !stop && queueId < queues; queueId += 4) {
                    for (long offset = 0; !stop; ) {
                        GetMessageResult got = store.getMessage("c", "Bench", queueId, offset, 32, null);
                        if (got.getStatus() != GetMessageStatus.FOUND) {
                            got.release();
                            break;
                        }
                        ByteBuffer copy = ByteBuffer.allocate(got.getBufferTotalSize());
                        for (ByteBuffer each : got.getMessageBufferList()) {
                            copy.put(each);
                        }
                        cold.addAndGet(got.getMessageCount());
                        offset = got.getNextBeginOffset();
                        got.release();
                    }
                }
            });
            readers[r].start();
        }
        tail(store, 8000, nanos, count);
        microsOf("tail.beside", nanos, count[0]);
        stop = true;
        for (Thread each : readers) {
            each.join();
        }
        tell("cold.rate", cold.get() / ((System.nanoTime() - began) / 1e9));
        tell("cold.cpuMicros", (cpuMicros() - cpu) / cold.get());

        long first = store.getMessageStoreTimeStamp("Bench", 0, 0);
        long last = store.getMessageStoreTimeStamp("Bench", 1 % queues, messages / queues - 1);
        for (int i = 0; i < 5000; i++) {
            long time = first + (i * 7919L) % Math.max(1, last - first);
            long from = System.nanoTime();
            store.getOffsetInQueueByTime("Bench", (i * 7) % queues, time);
            nanos[i] = System.nanoTime() - from;
        }
        microsOf("time", nanos, 5000);
        int found = 0;
        for (int i = 0; i < 5000; i++) {
            String key = uniqKey((i * 3_999_971L) % messages);
            long from = System.nanoTime();
            QueryMessageResult result = store.queryMessage("Bench", key, 32, 0, Long.MAX_VALUE);
            nanos[i] = System.nanoTime() - from;
            found += result.getMessageMapedList().size();
            result.release();
        }
        if (found < 5000) {
            throw new IllegalStateException("only " + found + " of 5000 keys were found");
        }
        microsOf("query", nanos, 5000);
        store.shutdown();
    }

    static void side() throws Exception {
        DefaultMessageStore first = opened();
        for (int i = 0; i < messages; i++) {
            put(first, i, i % queues);
        }
        waitDispatched(first);
        first.shutdown();
        DefaultMessageStore store = opened();
        long began = System.nanoTime();
        double cpu = cpuMicros();
        AtomicLong count = new AtomicLong();
        Thread[] readers = new Thread[4];
        for (int r = 0; r < 4; r++) {
            int from = r;
            readers[r] = new Thread(() -> {
                for (long offset = 0; offset < messages / queues; offset += 32) {
                    for (int queueId = from; queueId < queues; queueId += 4) {
                        GetMessageResult got = store.getMessage("c", "Bench", queueId, offset, 32, null);
                        ByteBuffer copy = ByteBuffer.allocate(Math.max(1, got.getBufferTotalSize()));
                        for (ByteBuffer each : got.getMessageBufferList()) {
                            copy.put(each);
                        }
                        count.addAndGet(got.getMessageCount());
                        got.release();
                    }
                }
            });
            readers[r].start();
        }
        for (Thread each : readers) {
            each.join();
        }
        if (count.get() != messages) {
            throw new IllegalStateException(count.get() + " messages of " + messages + " were read");
        }
        tell("side.rate", messages / ((System.nanoTime() - began) / 1e9));
        tell("side.cpuMicros", (cpuMicros() - cpu) / messages);
        store.shutdown();
    }

    static long writeCalls() throws Exception {
        for (String line : Files.readAllLines(Path.of("/proc/self/io"))) {
            if (line.startsWith("syscw: ")) {
                return Long.parseLong(line.substring(7).trim());
            }
        }
        return 0;
    }

    static void manyQueues() throws Exception {
        DefaultMessageStore store = opened();
        double cpu = cpuMicros();
        int filesMax = 0;
        long writesMax = 0;
        long writesFirst = writeCalls();
        long writesBefore = writesFirst;
        int rounds = messages / queues;
        for (int round = 0; round < rounds; round++) {
            long began = System.nanoTime();
            for (int i = 0; i < queues; i++) {
                put(store, (long) round * queues + i, i);
            }
            filesMax = Math.max(filesMax, new File("/proc/self/fd").list().length);
            Thread.sleep(Math.max(1, 1000 - (System.nanoTime() - began) / 1_000_000));
            long writes = writeCalls();
            writesMax = Math.max(writesMax, writes - writesBefore);
            writesBefore = writes;
        }
        waitDispatched(store);
        tell("queues.files", filesMax);
        tell("queues.writesPerSecondMax", writesMax);
        tell("queues.writesPerMessage", (double) (writesBefore - writesFirst) / messages);
        tell("queues.cpuMicros", (cpuMicros() - cpu) / messages);
        long began = System.nanoTime();
        store.shutdown();
        tell("queues.closeMs", (System.nanoTime() - began) / 1e6);
    }

    static void index() throws Exception {
        new File(directory).mkdirs();
        String[] keys = new String[1_000_000];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = "Bench#" + uniqKey(i);
        }
        long time = System.currentTimeMillis();
        IndexFile file = new IndexFile(directory + "/20260101000000000", 5_000_000, 20_000_000, 0, 0);
        long began = System.nanoTime();
        double cpu = cpuMicros();
        for (int i = 0; i < messages; i++) {
            // A new string each time, as a broker has: its hash is not known yet.
            file.putKey(new String(keys[i % keys.length]), i * 340L, time);
        }
        tell("index.putNanos", (System.nanoTime() - began) / (double) messages);
        file.flush();
        tell("index.nanos", (System.nanoTime() - began) / (double) messages);
        tell("index.cpuNanos", (cpuMicros() - cpu) * 1000 / messages);
    }
}
