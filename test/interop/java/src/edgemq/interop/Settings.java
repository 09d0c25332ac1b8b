package edgemq.interop;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What the runner says of the servers: {@code --key value} arguments.
 *
 * @param namesrvAddr the nameserver that is up
 * @param namesrvAddrs all nameservers the broker knows, with ';'; only the first is up at the start
 * @param brokerAddr host:port of the broker
 * @param prefix begins every topic and group, so that several runs can share a broker
 * @param cases names to run; empty: all
 * @param without names left out where all are run
 * @param target who serves: apache, bun, deno or node
 * @param client version of the client, 5.5.0 or 4.9.8
 * @param kills how often the broker is killed under load
 * @param threads how many cases run at once
 */
record Settings(
    String namesrvAddr,
    String namesrvAddrs,
    String brokerAddr,
    String prefix,
    List<String> cases,
    List<String> without,
    String target,
    String client,
    int kills,
    int threads) {
    static final String CLUSTER = "DefaultCluster";
    static final String BROKER = "broker-a";

    /** A client of the 4.x line. */
    boolean older() {
        return client.startsWith("4.");
    }

    static Settings parse(String[] args) {
        Map<String, String> given = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2) given.put(args[i], args[i + 1]);
        return new Settings(
            given.get("--namesrv"),
            given.get("--all-namesrvs"),
            given.get("--broker"),
            given.get("--prefix"),
            names(given, "--cases"),
            names(given, "--without"),
            given.getOrDefault("--target", ""),
            given.getOrDefault("--client", ""),
            Integer.parseInt(given.getOrDefault("--kills", "1")),
            Integer.parseInt(given.getOrDefault("--threads", "8")));
    }

    private static List<String> names(Map<String, String> given, String option) {
        String names = given.getOrDefault(option, "");
        return names.isEmpty() ? List.of() : List.of(names.split(","));
    }
}
