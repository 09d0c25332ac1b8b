package edgemq.interop;

import static edgemq.interop.Kit.check;
import static edgemq.interop.Kit.equal;
import static edgemq.interop.Kit.eventually;
import static edgemq.interop.Kit.refused;

import java.util.List;
import java.util.Properties;
import java.util.Set;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What programs ask through DefaultMQAdminExt. Types whose package moved between 4.x and 5.x are named by `var`. */
final class AdminApiCases {
    private AdminApiCases() {}

    static void addTo(List<Case> cases) {
        cases.add(Case.together("adminCluster", AdminApiCases::cluster));
        cases.add(Case.together("adminTopics", AdminApiCases::topics));
        cases.add(Case.together("adminTopicStats", AdminApiCases::topicStats));
        cases.add(Case.together("adminGroups", AdminApiCases::groups));
        cases.add(Case.together("adminConnections", AdminApiCases::connections));
        cases.add(Case.together("adminConsumeStats", AdminApiCases::consumeStats));
        cases.add(Case.together("adminRunningInfo", AdminApiCases::runningInfo));
        cases.add(Case.together("adminConsumeDirectly", AdminApiCases::consumeDirectly));
        cases.add(Case.together("adminMessageTrack", AdminApiCases::messageTrack));
        cases.add(Case.together("adminKvConfig", AdminApiCases::kvConfig));
        cases.add(Case.together("adminNamesrvConfig", AdminApiCases::namesrvConfig));
        cases.add(Case.together("adminConsumeQueue", AdminApiCases::consumeQueue));
        cases.add(Case.together("adminBrokerStats", AdminApiCases::brokerStats));
        cases.add(Case.alone("adminBrokerConfig", AdminApiCases::brokerConfig));
        cases.add(Case.alone("adminWritePermission", AdminApiCases::writePermission));
        cases.add(Case.alone("adminCleaning", AdminApiCases::cleaning));
    }

    private static void cluster(Kit kit) throws Exception {
        var info = kit.admin().examineBrokerClusterInfo();
        equal(Set.of(Settings.CLUSTER), info.getClusterAddrTable().keySet(), "clusters");
        equal(Set.of(Settings.BROKER), info.getClusterAddrTable().get(Settings.CLUSTER), "brokers of the cluster");
        var broker = info.getBrokerAddrTable().get(Settings.BROKER);
        // an IPv6 address may stand in brackets: clients take both
        equal(kit.settings().brokerAddr(), broker.getBrokerAddrs().get(0L).replaceAll("[\\[\\]]", ""), "address of the master");
        var runtime = kit.admin().fetchBrokerRuntimeStats(kit.settings().brokerAddr()).getTable();
        for (String key : List.of("bootTimestamp", "brokerVersionDesc", "putTps", "getTransferredTps", "commitLogDiskRatio",
            "commitLogMaxOffset", "msgPutTotalTodayNow", "sendThreadPoolQueueSize", "pullThreadPoolQueueSize",
            "earliestMessageTimeStamp", "runtime", "dispatchBehindBytes", "pageCacheLockTimeMills")) {
            check(runtime.containsKey(key), "the runtime table has " + key);
        }
    }

    private static void topics(Kit kit) throws Exception {
        String topic = kit.topic(3);
        String addr = kit.settings().brokerAddr();
        check(kit.admin().fetchAllTopicList().getTopicList().contains(topic), "the topic is listed");
        check(kit.admin().fetchTopicsByCLuster(Settings.CLUSTER).getTopicList().contains(topic), "listed by cluster");
        equal(Set.of(Settings.CLUSTER), kit.admin().getTopicClusterList(topic), "clusters of the topic");
        TopicConfig config = kit.admin().examineTopicConfig(addr, topic);
        equal(3, config.getReadQueueNums(), "read queues");
        equal(6, config.getPerm(), "permission");
        config.setWriteQueueNums(5);
        config.setReadQueueNums(5);
        kit.admin().createAndUpdateTopicConfig(addr, config);
        eventually("the route shows 5 queues", 10, () ->
            kit.admin().examineTopicRouteInfo(topic).getQueueDatas().get(0).getWriteQueueNums() == 5);
        var all = kit.admin().getAllTopicConfig(addr, 5000).getTopicConfigTable();
        equal(5, all.get(topic).getWriteQueueNums(), "write queues in the table of all topics");
        for (String system : List.of("TBW102", "SELF_TEST_TOPIC", "RMQ_SYS_TRANS_HALF_TOPIC", "OFFSET_MOVED_EVENT",
            Settings.BROKER, Settings.CLUSTER)) {
            check(all.containsKey(system), "the table of all topics has " + system);
        }
        kit.admin().deleteTopicInBroker(Set.of(addr), topic);
        // the two names changed places between 4.x and 5.x
        boolean older = kit.settings().older();
        kit.admin().deleteTopicInNameServer(
            Set.of(kit.settings().namesrvAddr()), older ? topic : Settings.CLUSTER, older ? Settings.CLUSTER : topic);
        check(!kit.admin().fetchAllTopicList().getTopicList().contains(topic), "the topic is not listed any more");
        refused(17, topic, () -> kit.admin().examineTopicRouteInfo(topic));
    }

    private static void topicStats(Kit kit) throws Exception {
        String topic = kit.topic(2);
        long from = System.currentTimeMillis();
        kit.send(kit.producer(), topic, "*", "s", 10);
        var stats = kit.admin().examineTopicStats(topic);
        equal(2, stats.getOffsetTable().size(), "queues");
        for (var entry : stats.getOffsetTable().entrySet()) {
            equal(topic, entry.getKey().getTopic(), "topic");
            equal(5L, entry.getValue().getMaxOffset(), "max offset");
            equal(0L, entry.getValue().getMinOffset(), "min offset");
            check(Math.abs(entry.getValue().getLastUpdateTimestamp() - from) < 30_000, "time of the last message");
        }
    }

    private static void groups(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String group = kit.named("g");
        String addr = kit.settings().brokerAddr();
        kit.send(kit.producer(), topic, "*", "x", 1);
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        Inbox inbox = new Inbox();
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        inbox.holdsExactly(List.of("x-0"), 20);
        var config = kit.admin().examineSubscriptionGroupConfig(addr, group);
        equal(group, config.getGroupName(), "group name");
        equal(16, config.getRetryMaxTimes(), "retryMaxTimes");
        equal(1, config.getRetryQueueNums(), "retryQueueNums");
        config.setRetryMaxTimes(3);
        config.setConsumeBroadcastEnable(false);
        kit.admin().createAndUpdateSubscriptionGroupConfig(addr, config);
        var changed = kit.admin().getAllSubscriptionGroup(addr, 5000).getSubscriptionGroupTable().get(group);
        equal(3, changed.getRetryMaxTimes(), "retryMaxTimes after the update");
        equal(false, changed.isConsumeBroadcastEnable(), "consumeBroadcastEnable after the update");
        check(kit.admin().queryTopicConsumeByWho(topic).getGroupList().contains(group), "the group is seen to consume the topic");
        consumer.shutdown();
        // 4.x asks for the removal of the offsets by a field that a 5.x broker does not know; Apache's then deletes the
        // group and makes it again at once
        if (kit.settings().older()) return;
        // a heartbeat on its way when the consumer is shut down makes the group again
        eventually("the group is gone", 10, () -> {
            kit.admin().deleteSubscriptionGroup(addr, group, true);
            return !kit.admin().getAllSubscriptionGroup(addr, 5000).getSubscriptionGroupTable().containsKey(group);
        });
        check(!kit.admin().queryTopicConsumeByWho(topic).getGroupList().contains(group), "and its offsets too");
    }

    private static void connections(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String group = kit.named("g");
        String producers = kit.named("p");
        DefaultMQProducer producer = kit.producer(producers);
        Inbox inbox = kit.consume(group, topic, "TagA || TagB");
        kit.send(producer, topic, "TagA", "x", 1);
        inbox.holdsExactly(List.of("x-0"), 20);
        var consumers = kit.admin().examineConsumerConnectionInfo(group);
        equal(1, consumers.getConnectionSet().size(), "consumers connected");
        var connection = consumers.getConnectionSet().iterator().next();
        equal("JAVA", connection.getLanguage().name(), "language");
        check(connection.getClientId().contains("@"), "client id " + connection.getClientId());
        check(connection.getClientAddr().contains(":"), "client address " + connection.getClientAddr());
        equal("CONSUME_PASSIVELY", consumers.getConsumeType().name(), "consume type");
        equal("CLUSTERING", consumers.getMessageModel().name(), "message model");
        equal("CONSUME_FROM_FIRST_OFFSET", consumers.getConsumeFromWhere().name(), "consume from where");
        var subscription = consumers.getSubscriptionTable().get(topic);
        equal("TagA || TagB", subscription.getSubString(), "subscription");
        equal(Set.of("TagA", "TagB"), subscription.getTagsSet(), "tags");
        check(consumers.getSubscriptionTable().containsKey("%RETRY%" + group), "the retry topic is subscribed");
        eventually("the producer's heartbeat has arrived", 35, () -> {
            try {
                return kit.admin().examineProducerConnectionInfo(producers, topic).getConnectionSet().size() == 1;
            } catch (MQBrokerException notYet) {
                return false;
            }
        });
        refused(206, "not online", () ->
            kit.admin().examineConsumerConnectionInfo(kit.named("nobody"), kit.settings().brokerAddr()));
    }

    private static void consumeStats(Kit kit) throws Exception {
        String topic = kit.topic(2);
        String group = kit.named("g");
        DefaultMQProducer producer = kit.producer();
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        Inbox inbox = new Inbox();
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        kit.send(producer, topic, "*", "seen", 10);
        inbox.holdsExactly(Kit.bodies("seen", 10), 20);
        Kit.finish(consumer);
        kit.send(producer, topic, "*", "unseen", 4);
        var stats = kit.admin().examineConsumeStats(group, topic);
        equal(4L, stats.computeTotalDiff(), "messages behind");
        equal(2, stats.getOffsetTable().size(), "queues");
        for (var wrapper : stats.getOffsetTable().values()) {
            equal(7L, wrapper.getBrokerOffset(), "broker offset");
            equal(5L, wrapper.getConsumerOffset(), "consumer offset");
            check(wrapper.getLastTimestamp() > 0, "time of the last message consumed");
        }
        var spans = kit.admin().queryConsumeTimeSpan(topic, group);
        equal(2, spans.size(), "time spans");
        for (var span : spans) check(span.getMinTimeStamp() > 0 && span.getMaxTimeStamp() >= span.getMinTimeStamp(), "time span");
    }

    private static void runningInfo(Kit kit) throws Exception {
        String topic = kit.topic(2);
        String group = kit.named("g");
        Inbox inbox = kit.consume(group, topic, "*");
        kit.send(kit.producer(), topic, "*", "x", 4);
        inbox.holdsExactly(Kit.bodies("x", 4), 20);
        String clientId = kit.admin().examineConsumerConnectionInfo(group).getConnectionSet().iterator().next().getClientId();
        var info = kit.admin().getConsumerRunningInfo(group, clientId, true);
        equal("CONSUME_PASSIVELY", info.getProperties().getProperty("PROP_CONSUME_TYPE"), "consume type");
        check(info.getSubscriptionSet().stream().anyMatch(s -> s.getTopic().equals(topic)), "the subscription is listed");
        equal(2L, info.getMqTable().keySet().stream().filter(q -> q.getTopic().equals(topic)).count(), "queues held");
        check(info.getJstack() != null && info.getJstack().contains("main"), "a stack trace came with it");
        refused(17, "", () -> kit.admin().getConsumerRunningInfo(kit.named("nobody"), clientId, false));
    }

    private static void consumeDirectly(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String group = kit.named("g");
        Inbox inbox = kit.consume(group, topic, "*");
        SendResult sent = kit.send(kit.producer(), topic, "*", "x", 1).get(0);
        inbox.holdsExactly(List.of("x-0"), 20);
        String clientId = kit.admin().examineConsumerConnectionInfo(group).getConnectionSet().iterator().next().getClientId();
        var result = kit.admin().consumeMessageDirectly(group, clientId, topic, sent.getOffsetMsgId());
        equal("CR_SUCCESS", result.getConsumeResult().name(), "result of consuming");
        inbox.holdsExactly(List.of("x-0", "x-0"), 10);
    }

    private static void messageTrack(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String group = kit.named("g");
        DefaultMQPushConsumer consumer = kit.pushConsumer(group);
        Inbox inbox = new Inbox();
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        SendResult sent = kit.send(kit.producer(), topic, "*", "x", 1).get(0);
        inbox.holdsExactly(List.of("x-0"), 20);
        Kit.storeOffsets(consumer);
        MessageExt message = kit.admin().viewMessage(topic, sent.getOffsetMsgId());
        eventually("the message is tracked as consumed", 20, () -> kit.admin().messageTrackDetail(message).stream()
            .anyMatch(track -> track.getConsumerGroup().equals(group) && track.getTrackType().name().equals("CONSUMED")));
    }

    private static void kvConfig(Kit kit) throws Exception {
        DefaultMQAdminExt admin = kit.admin();
        String namespace = kit.named("ns");
        admin.createAndUpdateKvConfig(namespace, "key one", "value = ä");
        admin.createAndUpdateKvConfig(namespace, "key2", "v2");
        equal("value = ä", admin.getKVConfig(namespace, "key one"), "value");
        equal(Set.of("key one", "key2"), admin.getKVListByNamespace(namespace).getTable().keySet(), "keys of the namespace");
        admin.deleteKvConfig(namespace, "key2");
        refused(22, "", () -> admin.getKVConfig(namespace, "key2"));
        String topic = kit.topic(1);
        admin.createOrUpdateOrderConf(topic, Settings.BROKER + ":1", true);
        equal(Settings.BROKER + ":1", admin.examineTopicRouteInfo(topic).getOrderTopicConf(), "order configuration in the route");
    }

    private static void namesrvConfig(Kit kit) throws Exception {
        List<String> servers = List.of(kit.settings().namesrvAddr());
        Properties before = kit.admin().getNameServerConfig(servers).get(servers.get(0));
        check(before.containsKey("listenPort") && before.containsKey("kvConfigPath"), "its keys are there: " + before.keySet());
        Properties change = new Properties();
        change.setProperty("waitSecondsForService", "44");
        kit.admin().updateNameServerConfig(change, servers);
        Properties after = kit.admin().getNameServerConfig(servers).get(servers.get(0));
        equal("44", after.getProperty("waitSecondsForService"), "waitSecondsForService");
        Properties forbidden = new Properties();
        forbidden.setProperty("kvConfigPath", "/tmp/elsewhere.json");
        try {
            kit.admin().updateNameServerConfig(forbidden, servers);
            throw new AssertionError("kvConfigPath was changed from outside");
        } catch (Exception expected) {
            check(String.valueOf(expected.getMessage()).contains("16"), "NO_PERMISSION: " + expected.getMessage());
        }
    }

    private static void consumeQueue(Kit kit) throws Exception {
        String topic = kit.topic(1);
        kit.send(kit.producer(), topic, "TagA", "x", 5);
        kit.consume(kit.named("g"), topic, "TagA").holdsExactly(Kit.bodies("x", 5), 20);
        var body = kit.admin().queryConsumeQueue(kit.settings().brokerAddr(), topic, 0, 1, 3, kit.named("g"));
        equal(3, body.getQueueData().size(), "entries");
        equal(5L, body.getMaxQueueIndex(), "max index");
        equal(0L, body.getMinQueueIndex(), "min index");
        for (var entry : body.getQueueData()) {
            equal((long) "TagA".hashCode(), entry.getTagsCode(), "tags code");
            check(entry.getPhysicSize() > 0 && entry.getPhysicOffset() >= 0, "offset and size");
        }
    }

    private static void brokerStats(Kit kit) throws Exception {
        String topic = kit.topic(1);
        String group = kit.named("g");
        Inbox inbox = kit.consume(group, topic, "*");
        kit.send(kit.producer(), topic, "*", "x", 10);
        inbox.holdsExactly(Kit.bodies("x", 10), 20);
        String addr = kit.settings().brokerAddr();
        eventually("the statistics count 10 messages put", 25, () -> {
            try {
                return kit.admin().viewBrokerStatsData(addr, "TOPIC_PUT_NUMS", topic).getStatsMinute().getSum() >= 0;
            } catch (Exception notYet) {
                return false;
            }
        });
        eventually("the statistics count what the group got", 25, () -> {
            try {
                return kit.admin().viewBrokerStatsData(addr, "GROUP_GET_NUMS", topic + "@" + group).getStatsMinute().getSum() >= 0;
            } catch (Exception notYet) {
                return false;
            }
        });
        var producers = kit.admin().fetchConsumeStatsInBroker(addr, false, 5000);
        check(producers.getConsumeStatsList() != null, "consume statistics of the whole broker");
    }

    private static void brokerConfig(Kit kit) throws Exception {
        String addr = kit.settings().brokerAddr();
        Properties before = kit.admin().getBrokerConfig(addr);
        equal(Settings.BROKER, before.getProperty("brokerName"), "brokerName");
        equal("ASYNC_FLUSH", before.getProperty("flushDiskType"), "flushDiskType");
        check(before.containsKey("storePathRootDir") && before.containsKey("listenPort"), "store and port keys are there");
        Properties change = new Properties();
        change.setProperty("fileReservedTime", "48");
        kit.admin().updateBrokerConfig(addr, change);
        equal("48", kit.admin().getBrokerConfig(addr).getProperty("fileReservedTime"), "fileReservedTime after the update");

        String topic = kit.topic(1);
        DefaultMQProducer producer = kit.producer();
        kit.send(producer, topic, "*", "x", 1);
        Properties readOnly = new Properties();
        readOnly.setProperty("brokerPermission", "4");
        kit.admin().updateBrokerConfig(addr, readOnly);
        eventually("the route shows a broker that takes no messages", 10, () ->
            kit.admin().examineTopicRouteInfo(topic).getQueueDatas().get(0).getPerm() == 4);
        readOnly.setProperty("brokerPermission", "6");
        kit.admin().updateBrokerConfig(addr, readOnly);
        eventually("the route shows a broker that takes messages", 10, () ->
            kit.admin().examineTopicRouteInfo(topic).getQueueDatas().get(0).getPerm() == 6);
        kit.send(producer, topic, "*", "y", 1);

        Properties forbidden = new Properties();
        forbidden.setProperty("brokerConfigPath", "/tmp/elsewhere");
        refused(16, "", () -> kit.admin().updateBrokerConfig(addr, forbidden));
    }

    private static void writePermission(Kit kit) throws Exception {
        String topic = kit.topic(2);
        String namesrv = kit.settings().namesrvAddr();
        int wiped = kit.admin().wipeWritePermOfBroker(namesrv, Settings.BROKER);
        check(wiped > 0, "topics that lost the write permission: " + wiped);
        equal(4, kit.admin().examineTopicRouteInfo(topic).getQueueDatas().get(0).getPerm(), "permission after wiping");
        int added = kit.admin().addWritePermOfBroker(namesrv, Settings.BROKER);
        equal(wiped, added, "topics that got it back");
        equal(6, kit.admin().examineTopicRouteInfo(topic).getQueueDatas().get(0).getPerm(), "permission after adding");
    }

    private static void cleaning(Kit kit) throws Exception {
        String addr = kit.settings().brokerAddr();
        String topic = kit.topic(1);
        kit.send(kit.producer(), topic, "*", "kept", 3);
        check(kit.admin().cleanExpiredConsumerQueueByAddr(addr), "cleanExpiredConsumerQueue");
        check(kit.admin().cleanUnusedTopicByAddr(addr), "cleanUnusedTopic");
        check(kit.admin().deleteExpiredCommitLogByAddr(addr), "deleteExpiredCommitLog");
        equal(3L, kit.messagesIn(topic, 1), "messages left after cleaning");
        kit.consume(kit.named("g"), topic, "*").holdsExactly(Kit.bodies("kept", 3), 20);
    }
}
