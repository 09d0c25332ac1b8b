package edgemq.interop;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Runs cases against one cluster in one JVM and reports each on standard output. The header serialization is the
 * client's own system property, {@code -Drocketmq.serialize.type=ROCKETMQ}.
 */
public final class Main {
    private Main() {}

    /** All cases by what they are about: the sections of docs/interop.md. */
    private static Map<String, List<Case>> sections() {
        Map<String, List<Case>> sections = new LinkedHashMap<>();
        add(sections, "Sending", SendCases::addTo);
        add(sections, "Refusals", RefusalCases::addTo);
        add(sections, "Consuming", ConsumeCases::addTo);
        add(sections, "Filters", FilterCases::addTo);
        add(sections, "Transactions", TransactionCases::addTo);
        add(sections, "Traces", TraceCases::addTo);
        add(sections, "Request and reply", RequestCases::addTo);
        add(sections, "POP", PopCases::addTo);
        add(sections, "POP", PopCallCases::addTo);
        add(sections, "Assignment of queues", AssignmentCases::addTo);
        add(sections, "Order", OrderCases::addTo);
        add(sections, "Pulling", PullCases::addTo);
        add(sections, "Retries, dead letters and delay levels", RetryCases::addTo);
        add(sections, "Priorities, static topics, retry policies", GroupCases::addTo);
        add(sections, "Static topics moved between brokers", StaticTopicCases::addTo);
        add(sections, "Queries", QueryCases::addTo);
        add(sections, "Offsets", OffsetCases::addTo);
        add(sections, "Administration", AdminApiCases::addTo);
        add(sections, "mqadmin", AdminCommandCases::addTo);
        add(sections, "Bad input", BadInputCases::addTo);
        add(sections, "Batch queues, light queues, compaction", SpecialQueueCases::addTo);
        add(sections, "Lite topics", LiteCases::addTo);
        add(sections, "Access control", AclCases::addTo);
        add(sections, "Any-time delays", TimerCases::addTo);
        add(sections, "Restarts", RestartCases::addTo);
        add(sections, "Stores by turns", StoreCompatCases::addTo);
        add(sections, "Special stores by turns", SpecialCompatCases::addTo);
        add(sections, "POP by turns", PopCompatCases::addTo);
        return sections;
    }

    private static void add(Map<String, List<Case>> sections, String title, Consumer<List<Case>> adding) {
        adding.accept(sections.computeIfAbsent(title, ignored -> new ArrayList<>()));
    }

    static List<Case> allCases() {
        return sections().values().stream().flatMap(List::stream).toList();
    }

    /** Where a case stands in docs/interop.md. */
    private static String placeOf(Case one) {
        int order = 0;
        for (Map.Entry<String, List<Case>> section : sections().entrySet()) {
            for (Case each : section.getValue()) {
                if (each.name().equals(one.name())) return ",\"section\":" + Control.quote(section.getKey()) + ",\"order\":" + order;
                order++;
            }
        }
        return "";
    }

    public static void main(String[] args) throws Exception {
        if (args.length == 1 && args[0].equals("--list")) {
            for (Case one : allCases()) System.out.println(one.name());
            return;
        }
        Settings settings = Settings.parse(args);
        PrintStream realOut = System.out;
        ConsoleCapture.install();
        Control control = new Control(realOut);
        List<Case> chosen = new ArrayList<>();
        for (Case one : allCases()) {
            boolean unnamed = settings.cases().isEmpty() && one.phase() != Case.Phase.NAMED
                && !settings.without().contains(one.name());
            if (unnamed || settings.cases().contains(one.name())) chosen.add(one);
        }
        for (String name : settings.cases()) {
            if (chosen.stream().noneMatch(one -> one.name().equals(name))) control.report(name, 0, "there is no such case");
        }
        try (Shared shared = new Shared(settings, control)) {
            ExecutorService pool = Executors.newFixedThreadPool(settings.threads());
            for (List<Case> chain : chains(chosen)) {
                pool.execute(() -> {
                    for (Case one : chain) run(one, shared);
                });
            }
            pool.shutdown();
            if (!pool.awaitTermination(8, TimeUnit.MINUTES)) control.report("inTime", 0, "cases still run after 8 minutes");
            for (Case.Phase phase : List.of(Case.Phase.ALONE, Case.Phase.RESTART, Case.Phase.NAMED)) {
                for (Case one : chosen) {
                    if (one.phase() == phase) run(one, shared);
                }
            }
        }
        System.exit(0);
    }

    /** The cases that may run together: those of one chain as a list, every other as a list of its own. */
    private static Collection<List<Case>> chains(List<Case> cases) {
        Map<String, List<Case>> chains = new LinkedHashMap<>();
        for (Case one : cases) {
            if (one.phase() != Case.Phase.TOGETHER) continue;
            String key = one.chain() == null ? "case " + one.name() : one.chain();
            chains.computeIfAbsent(key, ignored -> new ArrayList<>()).add(one);
        }
        return chains.values();
    }

    private static void run(Case one, Shared shared) {
        long from = System.nanoTime();
        String kind = "failure";
        String text = null;
        String more = placeOf(one);
        try (Kit kit = new Kit(one.name(), shared)) {
            one.body().run(kit);
            kind = "note";
            text = kit.note();
            if (kit.differs() != null) more += ",\"differs\":" + Control.quote(kit.differs());
        } catch (Case.Skipped e) {
            kind = "skipped";
            text = e.getMessage();
        } catch (Throwable e) {
            kind = "failure";
            StringWriter trace = new StringWriter();
            e.printStackTrace(new PrintWriter(trace));
            text = trace.toString();
        }
        shared.control().report(one.name(), (System.nanoTime() - from) / 1_000_000, kind, text, more);
    }

    /**
     * Standard output and error as each thread's own: what mqadmin prints while a case listens goes to that case, everything
     * else nowhere, since the real output carries the reports.
     */
    static final class ConsoleCapture {
        private static final ThreadLocal<ByteArrayOutputStream> LISTENING = new InheritableThreadLocal<>();

        private ConsoleCapture() {}

        static void install() {
            PrintStream dispatching = new PrintStream(
                new java.io.OutputStream() {
                    @Override
                    public void write(int b) {
                        ByteArrayOutputStream listener = LISTENING.get();
                        if (listener != null) listener.write(b);
                    }

                    @Override
                    public void write(byte[] bytes, int from, int count) {
                        ByteArrayOutputStream listener = LISTENING.get();
                        if (listener != null) listener.write(bytes, from, count);
                    }
                },
                true,
                StandardCharsets.UTF_8);
            System.setOut(dispatching);
            System.setErr(dispatching);
        }

        static String of(Runnable action) {
            ByteArrayOutputStream listener = new ByteArrayOutputStream();
            LISTENING.set(listener);
            try {
                action.run();
            } finally {
                LISTENING.remove();
            }
            return listener.toString(StandardCharsets.UTF_8);
        }
    }
}
