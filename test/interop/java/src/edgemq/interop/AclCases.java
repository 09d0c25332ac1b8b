package edgemq.interop;

import static edgemq.interop.Kit.bytes;
import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;
import static edgemq.interop.Kit.refused;

import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;
import java.util.List;
import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * ACL 2.0: a broker that was started with a super user (servers {@code acl}), and users that mqadmin makes there. All of
 * them run only when they are named, as no other case signs its requests.
 */
final class AclCases {
    private static final int NO_PERMISSION = 16;
    private static final RPCHook ROOT = hook("rocketmq-root", "the-secret-of-root");

    private AclCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.named("aclSendAndConsume", AclCases::sendAndConsume));
        cases.add(Case.named("aclUnsigned", AclCases::unsigned));
        cases.add(Case.named("aclWithoutRights", AclCases::withoutRights));
        cases.add(Case.named("aclDenyAndPrefix", AclCases::denyAndPrefix));
        cases.add(Case.named("aclUsersByMqadmin", AclCases::usersByMqadmin));
        cases.add(Case.named("aclListsByMqadmin", AclCases::listsByMqadmin));
        cases.add(Case.named("aclSuperUsers", AclCases::superUsers));
    }

    private static RPCHook hook(String accessKey, String secretKey) {
        return new AclClientRPCHook(new SessionCredentials(accessKey, secretKey));
    }

    /** Runs an mqadmin command as the super user, and returns what it prints. */
    private static String asRoot(Kit kit, String command) {
        return AdminCommandCases.printed(kit, command.replace("{addr}", kit.settings().brokerAddr()), ROOT);
    }

    /** Runs it until it prints all of this. */
    private static void prints(Kit kit, String command, String... words) throws Exception {
        String[] found = {""};
        eventually("mqadmin " + command, 10, () -> {
            found[0] = asRoot(kit, command).replaceAll(" +", " ");
            for (String word : words) if (!found[0].contains(word)) return false;
            return true;
        }, () -> "it printed:\n" + found[0]);
    }

    private static DefaultMQAdminExt admin(Kit kit, RPCHook hook) throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt(hook, 5_000);
        admin.setNamesrvAddr(kit.settings().namesrvAddr());
        admin.setInstanceName(kit.named("admin" + System.nanoTime()));
        admin.start();
        return admin;
    }

    /** A method that the admin client of 4.9.8, which this is compiled against too, does not have. */
    private static void call(DefaultMQAdminExt admin, String method, String... args) throws Exception {
        Class<?>[] types = new Class<?>[args.length];
        Arrays.fill(types, String.class);
        try {
            DefaultMQAdminExt.class.getMethod(method, types).invoke(admin, (Object[]) args);
        } catch (InvocationTargetException e) {
            throw (Exception) e.getCause();
        }
    }

    private static String topic(Kit kit, String suffix) throws Exception {
        String topic = kit.named(suffix);
        TopicConfig config = new TopicConfig(topic);
        config.setReadQueueNums(2);
        config.setWriteQueueNums(2);
        DefaultMQAdminExt root = admin(kit, ROOT);
        try {
            root.createAndUpdateTopicConfig(kit.settings().brokerAddr(), config);
        } finally {
            root.shutdown();
        }
        kit.routeExists(topic);
        return topic;
    }

    /** Makes a user with these rights: {@code "Topic:x Pub,Sub Allow"}. */
    private static RPCHook user(Kit kit, String name, String... rights) throws Exception {
        prints(kit, "createUser -b {addr} -u " + name + " -p secret-of-" + name, "success");
        for (String right : rights) {
            String[] parts = right.split(" ");
            prints(kit, "createAcl -b {addr} -s User:" + name + " -r " + parts[0] + " -a " + parts[1] + " -d " + parts[2], "success");
        }
        return hook(name, "secret-of-" + name);
    }

    private static DefaultMQProducer producer(Kit kit, String suffix, RPCHook hook) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(kit.named(suffix), hook);
        producer.setNamesrvAddr(kit.settings().namesrvAddr());
        producer.setInstanceName(kit.named(suffix));
        producer.setSendMsgTimeout(10_000);
        producer.setRetryTimesWhenSendFailed(0);
        producer.start();
        kit.closing(producer::shutdown);
        return producer;
    }

    /** The broker's refusal is the exception itself, or a cause of what the client makes of it. */
    private static void isRefused(String words, Kit.Failing action) throws Exception {
        try {
            action.run();
        } catch (Exception e) {
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                if (!(cause instanceof MQBrokerException)) continue;
                equal(NO_PERMISSION, ((MQBrokerException) cause).getResponseCode(), "response code of " + cause.getMessage());
                check(cause.getMessage().contains(words), "\"" + words + "\" in: " + cause.getMessage());
                return;
            }
            throw e;
        }
        throw new AssertionError("not refused: " + words);
    }

    private static Message message(String topic, String text) {
        return new Message(topic, "T", text, bytes(text));
    }

    // ---- clients

    private static void sendAndConsume(Kit kit) throws Exception {
        String topic = topic(kit, "t");
        String group = kit.named("g");
        RPCHook joe = user(kit, kit.named("joe"), "Topic:" + topic + " Pub,Sub Allow", "Group:" + group + " Sub Allow");
        DefaultMQProducer producer = producer(kit, "p", joe);
        for (int i = 0; i < 4; i++) equal(SendStatus.SEND_OK, producer.send(message(topic, "m-" + i)).getSendStatus(), "status");
        equal(SendStatus.SEND_OK, producer.send(List.of(message(topic, "m-4"), message(topic, "m-5"))).getSendStatus(), "batch");
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group, joe, new AllocateMessageQueueAveragely());
        consumer.setNamesrvAddr(kit.settings().namesrvAddr());
        consumer.setInstanceName(group);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "*");
        Inbox inbox = new Inbox();
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        kit.closing(consumer::shutdown);
        eventually("all six arrive", 45, () -> inbox.size() == 6);
    }

    private static void unsigned(Kit kit) throws Exception {
        String topic = topic(kit, "t");
        String joe = kit.named("joe");
        user(kit, joe, "Topic:" + topic + " Pub Allow");
        isRefused("", () -> producer(kit, "p1", null).send(message(topic, "a")));
        isRefused("", () -> producer(kit, "p2", hook(joe, "another")).send(message(topic, "a")));
        isRefused("", () -> producer(kit, "p3", hook("nobody", "another")).send(message(topic, "a")));
        prints(kit, "updateUser -b {addr} -u " + joe + " -s disable", "success");
        eventually("a disabled user is refused", 80, () -> {
            try {
                producer(kit, "p4" + System.nanoTime(), hook(joe, "secret-of-" + joe)).send(message(topic, "a"));
                return false;
            } catch (MQClientException e) {
                return e.getResponseCode() == NO_PERMISSION;
            }
        });
    }

    private static void withoutRights(Kit kit) throws Exception {
        String topic = topic(kit, "t");
        String other = topic(kit, "other");
        String name = kit.named("joe");
        RPCHook joe = user(kit, name, "Topic:" + topic + " Sub,Get Allow", "Group:" + kit.named("g") + " Sub Allow");
        isRefused("User:" + name + " has no permission to access Topic:" + topic + " from ",
            () -> producer(kit, "p", joe).send(message(topic, "a")));
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(kit.named("g"), joe);
        consumer.setNamesrvAddr(kit.settings().namesrvAddr());
        consumer.setInstanceName(kit.named("pull"));
        consumer.start();
        kit.closing(consumer::shutdown);
        equal(0L, consumer.maxOffset(kit.queue(topic, 0)), "max offset of what may be read");
        equal(0, consumer.pull(kit.queue(topic, 0), "*", 0, 32).getMsgFoundList() == null ? 0 : 1, "messages");
        isRefused("no matched policies.", () -> consumer.maxOffset(kit.queue(other, 0)));
        isRefused("no matched policies.", () -> consumer.pull(kit.queue(other, 0), "*", 0, 32));
        DefaultMQAdminExt admin = admin(kit, joe);
        try {
            TopicConfig config = new TopicConfig(kit.named("made"));
            refused(NO_PERMISSION, "no matched policies.", () -> admin.createAndUpdateTopicConfig(kit.settings().brokerAddr(), config));
            refused(NO_PERMISSION, "no matched policies.", () -> call(admin, "createUser", kit.settings().brokerAddr(), kit.named("eve"), "secret-of-eve", "Normal"));
        } finally {
            admin.shutdown();
        }
    }

    private static void denyAndPrefix(Kit kit) throws Exception {
        String open = topic(kit, "shop-open");
        String closed = topic(kit, "shop-closed");
        String elsewhere = topic(kit, "else");
        String name = kit.named("joe");
        RPCHook joe = user(kit, name, "Topic:" + kit.named("shop") + "* Pub Allow", "Topic:" + closed + " Pub Deny");
        DefaultMQProducer producer = producer(kit, "p", joe);
        equal(SendStatus.SEND_OK, producer.send(message(open, "a")).getSendStatus(), "status");
        isRefused("the decision is deny.", () -> producer.send(message(closed, "a")));
        isRefused("no matched policies.", () -> producer.send(message(elsewhere, "a")));
    }

    // ---- mqadmin

    private static void usersByMqadmin(Kit kit) throws Exception {
        String name = kit.named("joe");
        prints(kit, "createUser -b {addr} -u " + name + " -p first-secret", "create user to", "success");
        prints(kit, "createUser -b {addr} -u " + name + " -p first-secret", "The user is existed");
        prints(kit, "getUser -b {addr} -u " + name, name + " first-secret Normal enable");
        prints(kit, "updateUser -b {addr} -u " + name + " -p second-secret", "success");
        prints(kit, "getUser -b {addr} -u " + name, name + " second-secret Normal enable");
        prints(kit, "updateUser -b {addr} -u " + name + " -s disable", "success");
        prints(kit, "listUser -b {addr} -f " + name, name + " second-secret Normal disable");
        prints(kit, "updateUser -b {addr} -u " + kit.named("none") + " -s disable", "The user is not exist");
        prints(kit, "deleteUser -b {addr} -u " + name, "success");
        check(!asRoot(kit, "listUser -b {addr}").contains(name), "the user is gone");
    }

    private static void listsByMqadmin(Kit kit) throws Exception {
        String name = kit.named("joe");
        user(kit, name);
        prints(kit, "createAcl -b {addr} -s User:" + name + " -r Topic:a,Group:b* -a Pub,Sub -d Allow -i 10.0.0.0/8", "success");
        prints(kit, "getAcl -b {addr} -s User:" + name,
            "User:" + name + " Custom Topic:a [Pub, Sub] [10.0.0.0/8] Allow", "Custom Group:b* [Pub, Sub] [10.0.0.0/8] Allow");
        prints(kit, "updateAcl -b {addr} -s User:" + name + " -r Topic:a -a Get -d Deny", "success");
        prints(kit, "getAcl -b {addr} -s User:" + name, "Custom Topic:a [Get]", "Deny", "Group:b* [Pub, Sub]");
        prints(kit, "listAcl -b {addr} -s " + name + " -r Group", "Group:b*");
        prints(kit, "deleteAcl -b {addr} -s User:" + name + " -r Topic:a", "success");
        check(!asRoot(kit, "getAcl -b {addr} -s User:" + name).contains("Topic:a"), "the entry is gone");
        prints(kit, "createAcl -b {addr} -s User:" + name + " -r Topic:a -a Any -d Allow", "The actions can not be Any.");
        prints(kit, "createAcl -b {addr} -s User:" + name + " -r Topic:a -a Pub -d Allow -i nowhere", "The source ip is invalid.");
        prints(kit, "createAcl -b {addr} -s User:" + kit.named("none") + " -r Topic:a -a Pub -d Allow", "is not exist");
    }

    private static void superUsers(Kit kit) throws Exception {
        String name = kit.named("joe");
        RPCHook joe = user(kit, name, "Cluster:DefaultCluster All Allow");
        String addr = kit.settings().brokerAddr();
        DefaultMQAdminExt admin = admin(kit, joe);
        try {
            refused(1, "The super user can only be create by super user", () -> call(admin, "createUser", addr, kit.named("eve"), "secret-of-eve", "Super"));
            refused(1, "The super user can only be update by super user", () -> call(admin, "updateUser", addr, name, "", "Super", ""));
            refused(NO_PERMISSION, "The super user can only be update by super user", () -> call(admin, "updateUser", addr, "rocketmq-root", "taken-over", "", ""));
            refused(NO_PERMISSION, "The super user can only be update by super user", () -> call(admin, "deleteUser", addr, "rocketmq-root"));
            call(admin, "createUser", addr, kit.named("eve"), "secret-of-eve", "Normal");
            prints(kit, "getUser -b {addr} -u " + kit.named("eve"), "Normal");
        } finally {
            admin.shutdown();
        }
    }
}
