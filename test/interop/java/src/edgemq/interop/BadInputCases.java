package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;

/** Senders of nonsense, slow senders and readers that stop: an ordinary client beside them must not notice. */
final class BadInputCases {
    private BadInputCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.alone("garbageToBroker", kit -> garbage(kit, kit.settings().brokerAddr())));
        cases.add(Case.alone("garbageToNamesrv", kit -> garbage(kit, kit.settings().namesrvAddr())));
        cases.add(Case.alone("readerThatStops", BadInputCases::readerThatStops));
    }

    private static Socket dial(String address) throws IOException {
        int colon = address.lastIndexOf(':');
        Socket socket = new Socket();
        socket.connect(new InetSocketAddress(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1))), 5000);
        return socket;
    }

    /** A frame with this JSON header, and lengths that are true. */
    static byte[] frame(String header, byte[] body) {
        byte[] head = bytes(header);
        ByteBuffer frame = ByteBuffer.allocate(8 + head.length + body.length);
        frame.putInt(4 + head.length + body.length).putInt(head.length).put(head).put(body);
        return frame.array();
    }

    private static List<byte[]> nonsense() {
        List<byte[]> all = new ArrayList<>();
        Random random = new Random(3);
        for (int i = 0; i < 20; i++) {
            byte[] bytes = new byte[1 + random.nextInt(4000)];
            random.nextBytes(bytes);
            all.add(bytes);
        }
        all.add(bytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        all.add(ByteBuffer.allocate(8).putInt(Integer.MAX_VALUE).putInt(10).array());
        all.add(ByteBuffer.allocate(8).putInt(-5).putInt(10).array());
        all.add(ByteBuffer.allocate(8).putInt(4).putInt(0x00ffffff).array());
        all.add(ByteBuffer.allocate(8).putInt(4).putInt(0x7f000000).array());
        all.add(ByteBuffer.allocate(4).putInt(0).array());
        all.add(frame("{\"code\":310,\"opaque\":1,\"flag\":0,\"language\":\"JAVA\",\"version\":513", new byte[0]));
        all.add(frame("{\"code\":987654,\"opaque\":1,\"flag\":0,\"language\":\"KLINGON\",\"version\":99999}", new byte[0]));
        all.add(frame("{\"code\":10,\"opaque\":1,\"flag\":0,\"language\":\"JAVA\",\"version\":513,\"extFields\":{\"topic\":\"../x\","
            + "\"producerGroup\":\"g\",\"queueId\":\"-99999999999999999999\",\"sysFlag\":\"x\",\"bornTimestamp\":\"1e400\"}}", new byte[9]));
        all.add(frame("{\"code\":11,\"opaque\":1,\"flag\":0,\"extFields\":{\"topic\":\"TBW102\",\"consumerGroup\":\"g\",\"queueId\":\"0\","
            + "\"queueOffset\":\"-9223372036854775808\",\"maxMsgNums\":\"2147483647\",\"sysFlag\":\"-1\",\"commitOffset\":\"-1\","
            + "\"suspendTimeoutMillis\":\"9223372036854775807\",\"subVersion\":\"0\"}}", new byte[0]));
        all.add(frame("{\"code\":34,\"opaque\":1,\"flag\":0,\"extFields\":{}}", bytes("{\"clientID\":[[[[[[[[")));
        all.add(frame("null", new byte[0]));
        all.add(frame("[]", new byte[0]));
        all.add(frame("{\"code\":103,\"opaque\":1,\"flag\":0,\"extFields\":{\"brokerName\":\"x\"}}", bytes("{broken")));
        return all;
    }

    /** Keeps sending and reading while others misbehave; stops at the first failure. */
    private static final class Ordinary implements AutoCloseable {
        private final AtomicBoolean stop = new AtomicBoolean();
        private final Thread thread;
        private volatile Throwable failure;
        private volatile int sent;
        private volatile long worstMillis;

        Ordinary(DefaultMQProducer producer, String topic) {
            thread = new Thread(() -> {
                try {
                    while (!stop.get()) {
                        long from = System.nanoTime();
                        producer.send(new Message(topic, bytes("ordinary-" + sent)), 5000);
                        worstMillis = Math.max(worstMillis, (System.nanoTime() - from) / 1_000_000);
                        sent++;
                        Thread.sleep(5);
                    }
                } catch (Throwable e) {
                    failure = e;
                }
            });
            thread.start();
        }

        void goesOn() throws Exception {
            int before = sent;
            eventually("the ordinary client goes on", 10, () -> failure != null || sent > before + 20);
            if (failure != null) throw new AssertionError("the ordinary client failed", failure);
        }

        @Override
        public void close() throws InterruptedException {
            stop.set(true);
            thread.join();
        }
    }

    private static void garbage(Kit kit, String address) throws Exception {
        String topic = kit.topic(2);
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "*", "warm", 1);
        List<Socket> open = new ArrayList<>();
        try (Ordinary ordinary = new Ordinary(producer, topic)) {
            ordinary.goesOn();
            for (byte[] bytes : nonsense()) {
                Socket socket = dial(address);
                open.add(socket);
                try {
                    socket.getOutputStream().write(bytes);
                } catch (IOException closedAlready) {
                    // as it should be
                }
            }
            // a sender that never finishes its frame, a byte now and then
            Socket slow = dial(address);
            open.add(slow);
            byte[] whole = frame("{\"code\":105,\"opaque\":1,\"flag\":0,\"extFields\":{\"topic\":\"TBW102\"}}", new byte[0]);
            for (int i = 0; i < 20; i++) {
                slow.getOutputStream().write(whole, i, 1);
                Thread.sleep(10);
            }
            // and many that connect and leave
            for (int i = 0; i < 200; i++) dial(address).close();
            ordinary.goesOn();
            // the slow one is served in the end
            slow.getOutputStream().write(whole, 20, whole.length - 20);
            slow.setSoTimeout(10_000);
            check(slow.getInputStream().read() >= 0, "the slow sender gets its answer");
            ordinary.goesOn();
            check(ordinary.worstMillis < 3000, "the slowest send of the ordinary client took " + ordinary.worstMillis + " ms");
            equal(null, ordinary.failure, "failure of the ordinary client");
        } finally {
            for (Socket socket : open) socket.close();
        }
        check(kit.admin().examineTopicRouteInfo(topic).getQueueDatas().size() == 1, "the nameserver still answers");
    }

    /** Asks for megabytes again and again and never reads an answer. */
    private static void readerThatStops(Kit kit) throws Exception {
        if (kit.settings().target().equals("apache")) {
            throw new Case.Skipped("Apache 5.5.0 keeps what is not read in memory until its heap is full, and answers nobody then");
        }
        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        producer.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
        for (int i = 0; i < 20; i++) producer.send(new Message(topic, new byte[200_000]));
        List<Socket> open = new ArrayList<>();
        try (Ordinary ordinary = new Ordinary(producer, topic)) {
            for (int reader = 0; reader < 5; reader++) {
                Socket socket = dial(kit.settings().brokerAddr());
                open.add(socket);
                Thread asker = new Thread(() -> {
                    try {
                        OutputStream out = socket.getOutputStream();
                        for (int i = 0; i < 2000; i++) {
                            out.write(frame("{\"code\":11,\"opaque\":" + i + ",\"flag\":0,\"language\":\"JAVA\",\"version\":513,"
                                + "\"extFields\":{\"topic\":\"" + topic + "\",\"consumerGroup\":\"" + kit.named("g") + "\","
                                + "\"queueId\":\"0\",\"queueOffset\":\"0\",\"maxMsgNums\":\"32\",\"sysFlag\":\"4\",\"commitOffset\":\"0\","
                                + "\"suspendTimeoutMillis\":\"0\",\"subVersion\":\"0\",\"subscription\":\"*\"}}", new byte[0]));
                        }
                    } catch (IOException closed) {
                        // closed by the broker, or by the end of the case
                    }
                });
                asker.setDaemon(true);
                asker.start();
            }
            for (int i = 0; i < 5; i++) ordinary.goesOn();
            check(ordinary.worstMillis < 4000, "the slowest send of the ordinary client took " + ordinary.worstMillis + " ms");
            equal(null, ordinary.failure, "failure of the ordinary client");
        } finally {
            for (Socket socket : open) socket.close();
        }
        Inbox inbox = kit.consume(kit.named("readers"), topic, "*");
        eventually("a reader that reads gets the messages", 20, () -> inbox.size() >= 20);
    }
}
