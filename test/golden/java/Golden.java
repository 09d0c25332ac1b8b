import com.alibaba.fastjson2.JSON;
import com.alibaba.fastjson2.JSONWriter;
import java.io.File;
import java.io.PrintWriter;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.apache.rocketmq.common.BrokerConfig;
import org.apache.rocketmq.common.MQVersion;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExtBrokerInner;
import org.apache.rocketmq.common.message.MessageVersion;
import org.apache.rocketmq.common.sysflag.MessageSysFlag;
import org.apache.rocketmq.remoting.CommandCustomHeader;
import org.apache.rocketmq.remoting.annotation.CFNotNull;
import org.apache.rocketmq.remoting.protocol.LanguageCode;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.RemotingSerializable;
import org.apache.rocketmq.remoting.protocol.RequestCode;
import org.apache.rocketmq.remoting.protocol.ResponseCode;
import org.apache.rocketmq.remoting.protocol.SerializeType;
import org.apache.rocketmq.remoting.protocol.body.RegisterBrokerBody;
import org.apache.rocketmq.remoting.protocol.header.PullMessageRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.SendMessageRequestHeaderV2;
import org.apache.rocketmq.remoting.protocol.header.SendMessageResponseHeader;
import org.apache.rocketmq.remoting.protocol.header.UpdateConsumerOffsetRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.namesrv.GetRouteInfoRequestHeader;
import org.apache.rocketmq.remoting.protocol.route.TopicRouteData;
import org.apache.rocketmq.store.DefaultMessageStore;
import org.apache.rocketmq.store.PutMessageResult;
import org.apache.rocketmq.store.config.MessageStoreConfig;
import org.apache.rocketmq.store.stats.BrokerStatsManager;

/**
 * Writes the golden files from Apache's own classes.
 *
 * java -cp "<directory with the 5.5.0 jars>/*" Golden.java <directory with the jars> <test/golden>
 */
public class Golden {
    public static void main(String[] args) {
        try {
            run(args);
            System.exit(0);
        } catch (Exception e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    static void run(String[] args) throws Exception {
        Path out = Path.of(args[1]);
        write(out.resolve("classes.txt"), "Codes, and header fields with their kinds (* = required), by reflection.", classes(args[0]));
        write(out.resolve("bodies.txt"), "Every body class with every field filled: class, form, JSON.", bodies(args[0]));
        write(out.resolve("frames.txt"), "Frames: what it shows, hex, what Java decodes them to.", frames());
        write(out.resolve("records.txt"), "Records as the store wrote them: what it shows, hex.", records());
        write(out.resolve("values.txt"), "Message ids, hash codes, property texts: kind, input, result.", values());
    }

    static void write(Path file, String title, List<String> lines) throws Exception {
        try (PrintWriter writer = new PrintWriter(file.toFile(), StandardCharsets.UTF_8)) {
            writer.print("# " + title + "\n# Written by java/Golden.java over Apache RocketMQ 5.5.0; columns are separated by TAB.\n");
            for (String line : lines) {
                writer.print(line + "\n");
            }
        }
    }

    // ------------------------------------------------------------------------------------------------------- classes

    static List<String> classes(String jars) throws Exception {
        List<String> lines = new ArrayList<>();
        for (Class<?> codes : List.of(RequestCode.class, ResponseCode.class)) {
            Map<String, Integer> byName = new TreeMap<>();
            for (Class<?> c = codes; c != null && c != Object.class; c = c.getSuperclass()) {
                for (Field field : c.getDeclaredFields()) {
                    if (field.getType() == int.class && Modifier.isStatic(field.getModifiers())) {
                        field.setAccessible(true);
                        byName.put(field.getName(), field.getInt(null));
                    }
                }
            }
            byName.forEach((name, code) -> lines.add(codes.getSimpleName() + "\t" + name + "\t" + code));
        }
        Map<String, String> headers = new TreeMap<>();
        for (Class<?> c : classesIn(jars, "remoting", "org\\.apache\\.rocketmq\\.remoting\\.protocol\\.header\\..*")) {
            if (CommandCustomHeader.class.isAssignableFrom(c) && !Modifier.isAbstract(c.getModifiers())) {
                Map<String, String> fields = new TreeMap<>();
                for (Class<?> k = c; k != null && k != Object.class; k = k.getSuperclass()) {
                    for (Field field : k.getDeclaredFields()) {
                        if (!Modifier.isStatic(field.getModifiers()) && !field.getName().startsWith("this")) {
                            String kind = field.getType().getSimpleName().replace("Integer", "int").toLowerCase();
                            fields.putIfAbsent(field.getName(), kind + (field.isAnnotationPresent(CFNotNull.class) ? "*" : ""));
                        }
                    }
                }
                StringBuilder text = new StringBuilder();
                fields.forEach((name, kind) -> text.append(text.length() == 0 ? "" : " ").append(name).append(":").append(kind));
                headers.put(c.getSimpleName(), text.toString());
            }
        }
        headers.forEach((name, fields) -> lines.add("Header\t" + name + "\t" + fields));
        return lines;
    }

    static List<Class<?>> classesIn(String jars, String module, String pattern) throws Exception {
        List<Class<?>> classes = new ArrayList<>();
        try (JarFile jar = new JarFile(new File(jars, "rocketmq-" + module + "-5.5.0.jar"))) {
            List<String> names = new ArrayList<>();
            for (JarEntry entry : Collections.list(jar.entries())) {
                String name = entry.getName();
                if (name.endsWith(".class")) {
                    names.add(name.substring(0, name.length() - 6).replace('/', '.'));
                }
            }
            Collections.sort(names);
            for (String name : names) {
                if (name.matches(pattern)) {
                    classes.add(Class.forName(name));
                }
            }
        }
        return classes;
    }

    // -------------------------------------------------------------------------------------------------------- bodies

    static List<String> bodies(String jars) throws Exception {
        List<String> lines = new ArrayList<>();
        List<Class<?>> all = new ArrayList<>(classesIn(jars, "remoting",
            "org\\.apache\\.rocketmq\\.remoting\\.protocol\\.(body|heartbeat|route|subscription|admin|statictopic|topic)\\..*"
                + "|org\\.apache\\.rocketmq\\.remoting\\.protocol\\.(DataVersion|EpochEntry|BrokerSyncInfo)"));
        all.addAll(classesIn(jars, "common",
            "org\\.apache\\.rocketmq\\.common\\.(TopicConfig|lite\\.(Lite|Offset).*|message\\.MessageQueue.*)"));
        for (Class<?> c : all) {
            boolean skipped = c.isEnum() || c.isInterface() || Modifier.isAbstract(c.getModifiers()) || c.isAnonymousClass()
                || c.getSimpleName().matches("TopicQueueMapping(Utils|Context|One)|MappingAllocator|LiteUtil|MessageQueueLock");
            if (skipped) {
                continue;
            }
            Object body = new Filler().make(c, 0);
            lines.add(c.getSimpleName() + "\tplain\t" + RemotingSerializable.toJson(body, false));
            if (c.getSimpleName().matches("SubscriptionGroupWrapper|ConsumerOffsetSerializeWrapper|TopicConfigSerializeWrapper|TopicQueueMappingSerializeWrapper|MessageRequestModeSerializeWrapper")) {
                lines.add(c.getSimpleName() + "\tpretty\t" + RemotingSerializable.toJson(body, true).replace("\n", "\\n").replace("\t", "\\t"));
            }
            if (body instanceof TopicRouteData) {
                byte[] strict = ((TopicRouteData) body).encode(JSONWriter.Feature.BrowserCompatible, JSONWriter.Feature.MapSortField);
                lines.add("TopicRouteData\tstrict\t" + new String(strict, StandardCharsets.UTF_8));
            }
            if (body instanceof RegisterBrokerBody) {
                RegisterBrokerBody register = (RegisterBrokerBody) body;
                lines.add("RegisterBrokerBody\tcompressed\t" + hex(register.encode(true)));
                RegisterBrokerBody back = RegisterBrokerBody.decode(register.encode(true), true, MQVersion.Version.V5_5_0);
                lines.add("RegisterBrokerBody\tdecompressed\t" + back.toJson());
            }
        }
        return lines;
    }

    /** Fills every field of a class with values that differ from the defaults. */
    static final class Filler {
        int count = 0;

        Object make(Type type, int depth) throws Exception {
            count++;
            if (type instanceof ParameterizedType) {
                return container((Class<?>) ((ParameterizedType) type).getRawType(), ((ParameterizedType) type).getActualTypeArguments(), depth);
            }
            if (type instanceof GenericArrayType) {
                throw new IllegalStateException(type.toString());
            }
            Class<?> c = (Class<?>) type;
            if (c == String.class) return "text-" + count;
            if (c == int.class || c == Integer.class) return count;
            if (c == long.class || c == Long.class) return 1795225250000L + count;
            if (c == double.class || c == Double.class) return count + 0.25;
            if (c == float.class) return count + 0.5f;
            if (c == boolean.class || c == Boolean.class) return count % 2 == 0;
            if (c == AtomicLong.class) return new AtomicLong(count);
            if (c == long[].class) return new long[] {count, count + 1};
            if (c == BitSet.class) return BitSet.valueOf(new byte[] {1, 2});
            if (c == Properties.class) {
                Properties properties = new Properties();
                properties.put("key", "value");
                return properties;
            }
            if (c.isEnum()) return c.getEnumConstants()[c.getEnumConstants().length - 1];
            return c.getName().startsWith("java.") ? null : bean(c, depth);
        }

        Object container(Class<?> raw, Type[] of, int depth) throws Exception {
            if (Map.class.isAssignableFrom(raw)) {
                Map<Object, Object> map = raw == TreeMap.class ? new TreeMap<>()
                    : ConcurrentMap.class.isAssignableFrom(raw) ? new ConcurrentHashMap<>()
                    : raw == HashMap.class ? new HashMap<>() : new LinkedHashMap<>();
                map.put(make(of[0], depth), make(of[1], depth));
                map.put(make(of[0], depth), make(of[1], depth));
                return map;
            }
            java.util.Collection<Object> items = raw == TreeSet.class ? new TreeSet<>()
                : raw == java.util.HashSet.class ? new java.util.HashSet<>()
                : Set.class.isAssignableFrom(raw) ? new LinkedHashSet<>() : new ArrayList<>();
            items.add(make(of[0], depth));
            items.add(make(of[0], depth));
            return items;
        }

        Object bean(Class<?> c, int depth) throws Exception {
            if (depth > 6) throw new IllegalStateException("too deep: " + c);
            Field unsafe = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
            unsafe.setAccessible(true);
            Object bean = ((sun.misc.Unsafe) unsafe.get(null)).allocateInstance(c);
            for (Class<?> k = c; k != null && k != Object.class; k = k.getSuperclass()) {
                for (Field field : k.getDeclaredFields()) {
                    int m = field.getModifiers();
                    if (!Modifier.isStatic(m) && !Modifier.isTransient(m) && !field.getName().startsWith("this")) {
                        field.setAccessible(true);
                        field.set(bean, make(field.getGenericType(), depth + 1));
                    }
                }
            }
            return bean;
        }
    }

    // -------------------------------------------------------------------------------------------------------- frames

    static List<String> frames() throws Exception {
        List<String> lines = new ArrayList<>();
        for (SerializeType type : SerializeType.values()) {
            SendMessageRequestHeaderV2 send = new SendMessageRequestHeaderV2();
            send.setA("PG");
            send.setB("T1");
            send.setC("TBW102");
            send.setD(4);
            send.setE(-1);
            send.setF(0x301);
            send.setG(1795225250966L);
            send.setH(0);
            send.setI("KEYS\u0001k1 k2\u0002TAGS\u0001\u6807\u7b7e\u0002");
            send.setJ(0);
            send.setK(false);
            send.setM(false);
            send.setBrokerName("broker-a");
            frame(lines, "SEND_MESSAGE_V2 with a body and properties beyond ASCII", type,
                RemotingCommand.createRequestCommand(RequestCode.SEND_MESSAGE_V2, send), 27, "hello".getBytes(StandardCharsets.UTF_8));

            PullMessageRequestHeader pull = new PullMessageRequestHeader();
            pull.setConsumerGroup("G1");
            pull.setTopic("T1");
            pull.setQueueId(0);
            pull.setQueueOffset(9007199254740991L);
            pull.setMaxMsgNums(32);
            pull.setSysFlag(7);
            pull.setCommitOffset(-1L);
            pull.setSuspendTimeoutMillis(15000L);
            pull.setSubscription("TagA || TagB");
            pull.setSubVersion(1795225253362L);
            pull.setExpressionType("TAG");
            frame(lines, "PULL_MESSAGE with the largest safe offset and a negative one", type,
                RemotingCommand.createRequestCommand(RequestCode.PULL_MESSAGE, pull), 150, null);

            UpdateConsumerOffsetRequestHeader update = new UpdateConsumerOffsetRequestHeader();
            update.setConsumerGroup("G1");
            update.setTopic("%RETRY%G1");
            update.setQueueId(0);
            update.setCommitOffset(4L);
            RemotingCommand oneway = RemotingCommand.createRequestCommand(RequestCode.UPDATE_CONSUMER_OFFSET, update);
            oneway.markOnewayRPC();
            frame(lines, "UPDATE_CONSUMER_OFFSET, oneway", type, oneway, 2147483647, null);

            GetRouteInfoRequestHeader route = new GetRouteInfoRequestHeader();
            route.setTopic("T1");
            route.setAcceptStandardJsonOnly(true);
            frame(lines, "GET_ROUTEINFO_BY_TOPIC from a Go client of version 401", type,
                from(LanguageCode.GO, 401, RemotingCommand.createRequestCommand(RequestCode.GET_ROUTEINFO_BY_TOPIC, route)), 1, null);

            frame(lines, "HEART_BEAT without fields", type,
                RemotingCommand.createRequestCommand(RequestCode.HEART_BEAT, null), 28, "{}".getBytes(StandardCharsets.UTF_8));

            SendMessageResponseHeader reply = new SendMessageResponseHeader();
            reply.setMsgId("7F000001000051AF0000000000000000");
            reply.setQueueId(1);
            reply.setQueueOffset(0L);
            RemotingCommand response = RemotingCommand.createResponseCommandWithHeader(ResponseCode.FLUSH_DISK_TIMEOUT, reply);
            response.setRemark("flush timeout: \u5237\u76d8\n\t\"quoted\" \\ \ud83d\ude00");
            response.addExtField("TRACE_ON", "true");
            frame(lines, "a response with fields and a remark beyond ASCII", type, response, 27, null);

            frame(lines, "a response without fields", type,
                RemotingCommand.createResponseCommand(ResponseCode.SUCCESS, null), -1, null);

            RemotingCommand empty = RemotingCommand.createRequestCommand(RequestCode.GET_BROKER_CONFIG, null);
            empty.addExtField("empty", "");
            empty.addExtField("set", "x");
            frame(lines, "an empty value, which reads as absent from ROCKETMQ", type, empty, 3, null);

            if (type == SerializeType.JSON) {
                frame(lines, "POP_MESSAGE: a code beyond int16 needs JSON", type,
                    RemotingCommand.createRequestCommand(RequestCode.POP_MESSAGE, null), 105, null);
            }
        }
        return lines;
    }

    static RemotingCommand from(LanguageCode language, int version, RemotingCommand command) {
        command.setLanguage(language);
        command.setVersion(version);
        return command;
    }

    static void frame(List<String> lines, String what, SerializeType type, RemotingCommand command, int opaque, byte[] body) throws Exception {
        command.setSerializeTypeCurrentRPC(type);
        command.setOpaque(opaque);
        command.setBody(body);
        if (command.getVersion() == 0) {
            command.setVersion(MQVersion.CURRENT_VERSION);
        }
        ByteBuffer buffer = command.encode();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        RemotingCommand back = RemotingCommand.decode(ByteBuffer.wrap(bytes, 4, bytes.length - 4).slice());
        Map<String, Object> expected = new LinkedHashMap<>();
        expected.put("code", back.getCode());
        expected.put("language", (int) back.getLanguage().getCode());
        expected.put("version", back.getVersion());
        expected.put("opaque", back.getOpaque());
        expected.put("flag", back.getFlag());
        expected.put("remark", back.getRemark());
        expected.put("extFields", back.getExtFields() == null ? null : new TreeMap<>(back.getExtFields()));
        expected.put("body", back.getBody() == null ? null : hex(back.getBody()));
        lines.add(type + ": " + what + "\t" + hex(bytes) + "\t" + JSON.toJSONString(expected));
    }

    // ------------------------------------------------------------------------------------------------------- records

    static List<String> records() throws Exception {
        List<String> lines = new ArrayList<>();
        for (boolean crc : new boolean[] {false, true}) {
            Path directory = Files.createTempDirectory("golden-store");
            MessageStoreConfig config = new MessageStoreConfig();
            config.setStorePathRootDir(directory.toString());
            config.setStorePathCommitLog(directory + "/commitlog");
            config.setMappedFileSizeCommitLog(4096);
            config.setMappedFileSizeConsumeQueue(20 * 100);
            config.setMaxHashSlotNum(100);
            config.setMaxIndexNum(400);
            config.setEnabledAppendPropCRC(crc);
            DefaultMessageStore store = new DefaultMessageStore(config, new BrokerStatsManager("c", false), null, new BrokerConfig(), new ConcurrentHashMap<>());
            store.getAllocateMappedFileService().start();
            store.load();
            Field shutdown = DefaultMessageStore.class.getDeclaredField("shutdown");
            shutdown.setAccessible(true);
            shutdown.set(store, false);
            String suffix = crc ? " with the CRC property" : "";
            record(lines, store, directory, "V1, IPv4" + suffix, message("T1", "127.0.0.1", "10.1.2.3", "hello", 0));
            record(lines, store, directory, "V1, born on IPv6" + suffix, message("T1", "2001:db8::1:0:0:5", "10.1.2.3", "hello", 0));
            record(lines, store, directory, "V1, stored on IPv6" + suffix, message("T1", "127.0.0.1", "::1", "hello", 0));
            record(lines, store, directory, "V1, both hosts IPv6" + suffix, message("T1", "fe80::1", "2001:db8::ff", "hello", 0));
            record(lines, store, directory, "V2: a topic of 130 characters" + suffix, message("%RETRY%" + "g".repeat(123), "127.0.0.1", "10.1.2.3", "hello", 0));
            record(lines, store, directory, "a commit with a prepared offset and a retry count" + suffix, message("T1", "127.0.0.1", "10.1.2.3", "\u6b63\u6587", MessageSysFlag.TRANSACTION_COMMIT_TYPE));
            MessageExtBrokerInner unended = message("T1", "127.0.0.1", "10.1.2.3", "hello", 0);
            unended.setPropertiesString("a\u0001b");
            record(lines, store, directory, "properties of an old writer, without the last 0x02" + suffix, unended);
            MessageExtBrokerInner none = message("T1", "127.0.0.1", "10.1.2.3", "hello", 0);
            none.setPropertiesString("");
            MessageAccessor.setProperties(none, new HashMap<>());
            record(lines, store, directory, "no properties" + suffix, none);
            record(lines, store, directory, "a body that fills most of a file, so that the next goes to a new one" + suffix, message("T1", "127.0.0.1", "10.1.2.3", "x".repeat(2400), 0));
            record(lines, store, directory, "the first of the second file" + suffix, message("T1", "127.0.0.1", "10.1.2.3", "y".repeat(900), 0));
            byte[] first = Files.readAllBytes(directory.resolve("commitlog/00000000000000000000"));
            int at = 0;
            ByteBuffer view = ByteBuffer.wrap(first);
            while (view.getInt(at + 4) == -626843481 || view.getInt(at + 4) == -626843477) {
                at += view.getInt(at);
            }
            lines.add("blank at byte " + at + " of a file of 4096" + suffix + "\t" + hex(java.util.Arrays.copyOfRange(first, at, at + 8)));
        }
        return lines;
    }

    static MessageExtBrokerInner message(String topic, String bornHost, String storeHost, String body, int sysFlag) throws Exception {
        MessageExtBrokerInner message = new MessageExtBrokerInner();
        message.setTopic(topic);
        message.setQueueId(3);
        message.setFlag(7);
        message.setSysFlag(sysFlag);
        message.setBody(body.getBytes(StandardCharsets.UTF_8));
        message.setBornTimestamp(1795225250966L);
        message.setBornHost(new InetSocketAddress(bornHost, 58514));
        message.setStoreHost(new InetSocketAddress(storeHost, 10911));
        if (bornHost.contains(":")) message.setBornHostV6Flag();
        if (storeHost.contains(":")) message.setStoreHostAddressV6Flag();
        message.setReconsumeTimes(sysFlag == 0 ? 0 : 3);
        message.setPreparedTransactionOffset(sysFlag == 0 ? 0 : 4096);
        message.setVersion(topic.length() > 127 ? MessageVersion.MESSAGE_VERSION_V2 : MessageVersion.MESSAGE_VERSION_V1);
        Map<String, String> properties = new TreeMap<>();
        properties.put("KEYS", "k1 k2");
        properties.put("TAGS", "\u6807\u7b7e");
        properties.put("WAIT", "true");
        MessageAccessor.setProperties(message, properties);
        message.setPropertiesString(MessageDecoder.messageProperties2String(properties));
        return message;
    }

    static void record(List<String> lines, DefaultMessageStore store, Path directory, String what, MessageExtBrokerInner message) throws Exception {
        PutMessageResult result = store.putMessage(message);
        if (!result.isOk()) {
            throw new IllegalStateException(what + ": " + result);
        }
        long offset = result.getAppendMessageResult().getWroteOffset();
        int size = result.getAppendMessageResult().getWroteBytes();
        byte[] file = Files.readAllBytes(directory.resolve(String.format("commitlog/%020d", offset / 4096 * 4096)));
        int at = (int) (offset % 4096);
        lines.add(what + "\t" + hex(java.util.Arrays.copyOfRange(file, at, at + size)));
    }

    // -------------------------------------------------------------------------------------------------------- values

    static List<String> values() throws Exception {
        List<String> lines = new ArrayList<>();
        Object[][] ids = {{"127.0.0.1", 10911, 0L}, {"255.1.2.3", 65535, 9007199254740991L}, {"::1", 10911, 1L}, {"2001:db8:0:1::ff", 1, 1099511627776L}};
        for (Object[] id : ids) {
            String host = (String) id[0];
            ByteBuffer buffer = ByteBuffer.allocate(host.contains(":") ? 28 : 16);
            InetSocketAddress address = new InetSocketAddress(host, (Integer) id[1]);
            ByteBuffer hostBytes = org.apache.rocketmq.common.message.MessageExt.socketAddress2ByteBuffer(address);
            lines.add("messageId\t" + host + " " + id[1] + " " + id[2] + "\t" + MessageDecoder.createMessageId(buffer, hostBytes, (Long) id[2]));
        }
        for (String text : List.of("TagA", "", "T1#key1", "\u6807\u7b7e", "polygenelubricants", "\ud83d\ude00")) {
            lines.add("hashCode\t" + JSON.toJSONString(text) + "\t" + text.hashCode());
        }
        for (String text : List.of("a\u0001b\u0002c\u0001d\u0002", "a\u0001b\u0002c\u0001d", "a\u0001\u0002b\u0001c\u0002", "\u0001b\u0002b\u0001c", "a\u0001b\u0002a\u0001c\u0002", "a\u0001b\u0001c\u0002", "ab\u0002c\u0001d\u0002", "\u0002\u0002a\u0001b\u0002\u0002", "")) {
            lines.add("properties\t" + JSON.toJSONString(text) + "\t" + JSON.toJSONString(new TreeMap<>(MessageDecoder.string2messageProperties(text))));
        }
        TopicConfig topic = new TopicConfig("T1", 3, 5, 6);
        topic.getAttributes().put("+message.type", "FIFO");
        lines.add("topicLine\t" + JSON.toJSONString(topic) + "\t" + topic.encode());
        for (double value : new double[] {0, 1, -1.5, 0.001, 0.00099, 1e7, 9999999.5, 12345678.9, 1e21, 1e-7, 100}) {
            lines.add("double\t" + JSON.toJSONString(String.valueOf(value)) + "\t" + JSON.toJSONString(value));
        }
        return lines;
    }

    static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte b : bytes) {
            text.append(String.format("%02x", b));
        }
        return text.toString();
    }
}
