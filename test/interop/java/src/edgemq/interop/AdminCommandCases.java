package edgemq.interop;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Options;
import org.apache.commons.cli.PosixParser;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.SerializeType;
import org.apache.rocketmq.srvutil.ServerUtil;
import org.apache.rocketmq.tools.command.MQAdminStartup;
import org.apache.rocketmq.tools.command.SubCommand;

/**
 * The commands of {@code mqadmin} that an operator uses on a normal day: each is run as typed, and must print what its
 * lines say. {@code {topic}}, {@code {group}} and so on stand for the names of {@link AdminFixture}.
 */
@SuppressWarnings("deprecation")
final class AdminCommandCases {
    private static final String SUCCESS = "success";

    private AdminCommandCases() {}

    static void addTo(List<Case> cases) {
        add(cases, "clusterList", "clusterList", "broker-a", "{addr}", "DefaultCluster");
        add(cases, "clusterListMore", "clusterList -m", "#InTotalYest", "broker-a");
        add(cases, "brokerStatus", "brokerStatus -b {addr}", "putTps", "msgPutTotalTodayNow", "bootTimestamp");
        add(cases, "brokerStatusOfCluster", "brokerStatus -c DefaultCluster", "\\[?{addr}", "commitLogMaxOffset");
        add(cases, "topicList", "topicList", "{topic}");
        add(cases, "topicListOfCluster", "topicList -c", "DefaultCluster +{topic} +{group}");
        add(cases, "topicRoute", "topicRoute -t {topic}", "brokerDatas", "{addr}");
        add(cases, "topicRouteList", "topicRoute -t {topic} -l", "broker-a +\\{0={addr}\\} +2 +2 +6");
        add(cases, "topicStatus", "topicStatus -t {topic}", "broker-a +0 +0 +[1-9]");
        add(cases, "topicClusterList", "topicClusterList -t {topic}", "DefaultCluster");
        add(cases, "updateTopic", "updateTopic -b {addr} -t {prefix}-made -r 3 -w 3", "create topic to {addr} success");
        add(cases, "updateTopicOfCluster", "updateTopic -c DefaultCluster -t {prefix}-made -r 4 -w 4 -o true",
            "create topic to {addr} success", "create topic");
        add(cases, "updateTopicPerm", "updateTopicPerm -b {addr} -t {prefix}-made -p 4", "update topic perm from 6 to 4 in {addr} success");
        add(cases, "updateOrderConf", "updateOrderConf -t {prefix}-made -m put -v broker-a:4", SUCCESS);
        add(cases, "getOrderConf", "updateOrderConf -t {prefix}-made -m get", "broker-a:4");
        add(cases, "deleteOrderConf", "updateOrderConf -t {prefix}-made -m delete", SUCCESS);
        add(cases, "deleteTopic", "deleteTopic -c DefaultCluster -t {prefix}-made",
            "delete topic \\[{prefix}-made\\] from cluster \\[DefaultCluster\\] success", "from NameServer success");
        add(cases, "allocateMQ", "allocateMQ -t {topic} -i 10.0.0.1,10.0.0.2", "10.0.0.1", "queueId");
        add(cases, "updateSubGroup", "updateSubGroup -b {addr} -g {prefix}-made-group -r 3", "create subscription group to {addr} success");
        add(cases, "getConsumerConfig", "getConsumerConfig -g {prefix}-made-group", "retryMaxTimes +=? *3");
        add(cases, "deleteSubGroup", "deleteSubGroup -b {addr} -g {prefix}-made-group -r true",
            "delete subscription group \\[{prefix}-made-group\\] from broker \\[{addr}\\] success");
        add(cases, "consumerProgress", "consumerProgress", "{group}");
        add(cases, "consumerProgressOfGroup", "consumerProgress -g {group}", "{topic} +broker-a", "Diff Total: 0");
        add(cases, "consumerProgressWithClient", "consumerProgress -g {group} -s true", "{topic} +broker-a");
        add(cases, "consumerConnection", "consumerConnection -g {group}", "{clientId}", "CLUSTERING", "{topic}");
        add(cases, "consumerStatus", "consumerStatus -g {group}", "{clientId}", "Same subscription in the same group");
        add(cases, "consumerStatusOfClient", "consumerStatus -g {group} -i {clientId} -s", "PROP_CONSUME_TYPE", "{topic}");
        cases.add(Case.together("mqadmin_queryMsgById", kit -> run(
            kit,
            // 4.x wants no topic, 5.x does
            "queryMsgById -i {offsetMsgId}" + (kit.settings().older() ? "" : " -t {topic}"),
            "{topic}",
            "order-7",
            "consumerGroup={group}, trackType=CONSUMED")));
        add(cases, "queryMsgByKey", "queryMsgByKey -t {topic} -k order-7", "{msgId}");
        add(cases, "queryMsgByUniqueKey", "queryMsgByUniqueKey -t {topic} -i {msgId}", "order-7", "consumerGroup={group}, trackType=CONSUMED");
        add(cases, "queryMsgByOffset", "queryMsgByOffset -t {topic} -b broker-a -i 0 -o 0", "{msgId}|{offsetMsgId}", "order-7");
        add(cases, "queryMsgDirectly", "queryMsgByUniqueKey -t {topic} -i {msgId} -g {group} -d {clientId}", "CR_SUCCESS");
        add(cases, "printMsg", "printMsg -t {topic}", "MSGID: {msgId}");
        add(cases, "printMsgByQueue", "printMsgByQueue -t {topic} -a broker-a -i 0 -p true -d true", "fixture-first");
        add(cases, "consumeMessage", "consumeMessage -t {topic} -b broker-a -i 0 -o 0 -c 1 -g {prefix}-readers", "Consume ok|MSGID");
        add(cases, "sendMessage", "sendMessage -t {prefix}-sent -p hello -k key -c TagA", "SEND_OK");
        add(cases, "sendMsgStatus", "sendMsgStatus -b broker-a -s 64 -c 2", "SEND_OK");
        add(cases, "checkMsgSendRT", "checkMsgSendRT -t {topic} -a 3 -s 64", "Avg RT");
        add(cases, "queryCq", "queryCq -t {topic} -q 0 -i 0 -c 2 -b {addr}", "physicOffset|index: *0");
        add(cases, "producerConnection", "producerConnection -g {producers} -t {topic}", "JAVA");
        add(cases, "producer", "producer -b {addr}", "producer group|no producer");
        add(cases, "resetOffsetByTime", "resetOffsetByTime -g {group} -t {topic} -s -1 -f true", "broker-a");
        add(cases, "skipAccumulatedMessage", "skipAccumulatedMessage -g {group} -t {topic} -f true", "broker-a");
        add(cases, "updateSubGroupOfCluster", "updateSubGroup -c DefaultCluster -g {prefix}-clone", "create subscription group to {addr} success");
        add(cases, "cloneGroupOffset", "cloneGroupOffset -s {group} -d {prefix}-clone -t {topic} -o true", "clone group offset success");
        add(cases, "getBrokerConfig", "getBrokerConfig -b {addr}", "brokerName +=? *broker-a", "fileReservedTime");
        add(cases, "updateBrokerConfig", "updateBrokerConfig -b {addr} -k deleteWhen -v 05", "update broker config success, {addr}");
        add(cases, "updateBrokerConfigForbidden", "updateBrokerConfig -b {addr} -k brokerConfigPath -v /tmp/x", "16|[Nn]o ?[Pp]ermission|not allow|black");
        add(cases, "getNamesrvConfig", "getNamesrvConfig", "listenPort");
        add(cases, "updateNamesrvConfig", "updateNamesrvConfig -k waitSecondsForService -v 45", "update name server config success");
        add(cases, "updateKvConfig", "updateKvConfig -s {prefix}-space -k key -v value", "create or update kv config to namespace success");
        add(cases, "deleteKvConfig", "deleteKvConfig -s {prefix}-space -k key", "delete kv config from namespace success");
        add(cases, "statsAll", "statsAll -t {topic}", "{topic} +{group}");
        add(cases, "brokerConsumeStats", "brokerConsumeStats -b {addr}", "{topic} +{group} +broker-a");
        add(cases, "exportMetadata", "exportMetadata -b {addr} -t -f {prefix}-export", "export .*success");
        cases.add(Case.together("mqadmin_exportConfigs", kit -> {
            if (kit.settings().older()) throw new Case.Skipped("the 4.x tool looks for keys that a 5.x broker does not have");
            run(kit, "exportConfigs -c DefaultCluster -f {prefix}-export", "export .*success");
        }));
        addOf5(cases, "updateColdData", "updateColdDataFlowCtrGroupConfig -b {addr} -g {prefix}-cold -v 4194304",
            "updateColdDataFlowCtrGroupConfig .*success|updateColdDataFlowCtrGroupConfig success");
        addOf5(cases, "getColdData", "getColdDataFlowCtrInfo -b {addr}", "\"{prefix}-cold\": *4194304", "globalColdReadThreshold");
        addOf5(cases, "removeColdData", "removeColdDataFlowCtrGroupConfig -b {addr} -g {prefix}-cold", "remove .*success");
        addAlone(cases, "cleanExpiredCQ", "cleanExpiredCQ -b {addr}", SUCCESS);
        addAlone(cases, "cleanUnusedTopic", "cleanUnusedTopic -c DefaultCluster", SUCCESS);
        addAlone(cases, "deleteExpiredCommitLog", "deleteExpiredCommitLog -b {addr}", SUCCESS);
        addAlone(cases, "wipeWritePerm", "wipeWritePerm -b broker-a", "wipe write perm of broker\\[broker-a\\].* OK, [1-9]");
        addAlone(cases, "addWritePerm", "addWritePerm -b broker-a", "add write perm of broker\\[broker-a\\].* OK, [1-9]");
        addOf5(cases, "setConsumeMode", "setConsumeMode -b {addr} -t {topic} -g {prefix}-popped -m POP -q 2",
            "set consume mode to {addr} success");
        addOf5(cases, "setConsumeModeBack", "setConsumeMode -c DefaultCluster -t {topic} -g {prefix}-popped -m PULL",
            "set consume mode to {addr} success");
        cases.add(Case.chained("5.x", "mqadmin_exportPopRecord", kit -> {
            if (kit.settings().older()) throw new Case.Skipped("the 4.x tool does not have this command");
            if (RemotingCommand.getSerializeTypeConfigInThisServer() == SerializeType.ROCKETMQ) {
                throw new Case.Skipped("the binary header has no room for POP's code");
            }
            run(kit, "exportPopRecord -b {addr}", "Export broker records, brokerName=.*brokerAddr={addr}");
        }));
    }

    private static void add(List<Case> cases, String name, String command, String... expected) {
        // commands about the topic, group or namespace that others of them made come in their order
        String chain = command.contains("{prefix}") ? command.replaceAll(".*\\{prefix\\}(-[a-z]+).*", "$1") : null;
        cases.add(Case.chained(chain, "mqadmin_" + name, kit -> run(kit, command, expected)));
    }

    /** A command that the 4.x tool does not have; such come in their order. */
    private static void addOf5(List<Case> cases, String name, String command, String... expected) {
        cases.add(Case.chained("5.x", "mqadmin_" + name, kit -> {
            if (kit.settings().older()) throw new Case.Skipped("the 4.x tool does not have this command");
            run(kit, command, expected);
        }));
    }

    private static void addAlone(List<Case> cases, String name, String command, String... expected) {
        cases.add(Case.alone("mqadmin_" + name, kit -> run(kit, command, expected)));
    }

    static void run(Kit kit, String command, String... expected) throws Exception {
        AdminFixture fixture = kit.fixture();
        List<String> args = new ArrayList<>(Arrays.asList(fixture.fill(command).split(" ")));
        // what main0 makes of the option -n
        System.setProperty("rocketmq.namesrv.addr", kit.settings().namesrvAddr());
        String[] found = {""};
        // what a command looks at may lag a little behind (index, statistics, route), so it is asked again
        Kit.eventually("mqadmin " + String.join(" ", args) + " prints " + Arrays.toString(expected) + "\n", 12, () -> {
            found[0] = Main.ConsoleCapture.of(() -> execute(args.toArray(new String[0]), null));
            for (String pattern : expected) {
                Matcher matcher = Pattern.compile(quoteNames(fixture, pattern)).matcher(found[0]);
                if (!matcher.find()) return false;
            }
            return true;
        }, () -> "it printed:\n" + found[0]);
    }

    /** What a command prints that is run with these credentials. */
    static String printed(Kit kit, String command, RPCHook hook) {
        System.setProperty("rocketmq.namesrv.addr", kit.settings().namesrvAddr());
        return Main.ConsoleCapture.of(() -> execute(command.split(" "), hook));
    }

    /**
     * Runs a command as {@code MQAdminStartup.main0} does, but with an object of its own: main0 finds its commands in one
     * static list, and a command that was used before keeps an admin client that is shut down.
     */
    private static void execute(String[] args, RPCHook hook) {
        try {
            SubCommand command = newCommand(args[0]);
            if (command == null) {
                System.out.println("there is no command " + args[0]);
                return;
            }
            Options options = command.buildCommandlineOptions(ServerUtil.buildCommandlineOptions(new Options()));
            String[] rest = Arrays.copyOfRange(args, 1, args.length);
            CommandLine commandLine = new PosixParser().parse(options, rest);
            command.execute(commandLine, options, hook);
        } catch (Exception e) {
            e.printStackTrace();
        }
    }

    private static synchronized SubCommand newCommand(String name) throws ReflectiveOperationException {
        for (Field field : MQAdminStartup.class.getDeclaredFields()) {
            if (!List.class.isAssignableFrom(field.getType())) continue;
            field.setAccessible(true);
            List<?> commands = (List<?>) field.get(null);
            commands.clear();
            MQAdminStartup.initCommand();
            for (Object command : commands) {
                if (((SubCommand) command).commandName().equalsIgnoreCase(name)) return (SubCommand) command;
            }
        }
        return null;
    }

    /** Names are put in as they are: the patterns around them are regular expressions, the names are not. */
    private static String quoteNames(AdminFixture fixture, String pattern) {
        StringBuilder filled = new StringBuilder();
        Matcher name = Pattern.compile("\\{[a-zA-Z]+\\}").matcher(pattern);
        while (name.find()) {
            name.appendReplacement(filled, Matcher.quoteReplacement(Pattern.quote(fixture.fill(name.group()))));
        }
        name.appendTail(filled);
        return filled.toString();
    }
}
