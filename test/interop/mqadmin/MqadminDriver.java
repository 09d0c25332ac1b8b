import com.alibaba.fastjson2.JSON;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;
import org.apache.rocketmq.tools.command.MQAdminStartup;
import org.apache.rocketmq.tools.command.SubCommand;

/**
 * Apache's mqadmin in one JVM for many commands. A line of standard input is a JSON list of words; a line that begins with
 * `@` is the answer: {@code {"out": …, "err": …}}, or, for no words at all, the declarations of all commands.
 */
public final class MqadminDriver {
    public static void main(String[] args) throws Exception {
        PrintStream answers = System.out;
        hurryShutdowns(Thread.currentThread());
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            List<String> words = JSON.parseArray(line, String.class);
            Object answer = words.isEmpty() ? declarations() : run(words.toArray(new String[0]));
            answers.println("@" + JSON.toJSONString(answer));
            answers.flush();
        }
        System.exit(0);
    }

    private static Map<String, String> run(String[] words) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        // main0 keeps its commands in a static list and adds to it each time; some keep a client that is shut down.
        registered().clear();
        MQAdminStartup.main0(words, null);
        return Map.of("out", out.toString(StandardCharsets.UTF_8), "err", err.toString(StandardCharsets.UTF_8));
    }

    /**
     * The end of a command waits up to 3 s for a thread that polls a queue; it has printed everything by then. While it waits,
     * these threads are interrupted, and end.
     */
    private static void hurryShutdowns(Thread main) {
        Thread hurrying = new Thread(() -> {
            while (true) {
                try {
                    Thread.sleep(20);
                } catch (InterruptedException e) {
                    return;
                }
                if (main.getState() == Thread.State.RUNNABLE) continue;
                boolean joining = Arrays.stream(main.getStackTrace()).anyMatch(at -> at.getClassName().endsWith(".ServiceThread"));
                if (!joining) continue;
                for (Thread each : Thread.getAllStackTraces().keySet()) {
                    if (each.getName().contains("NettyEventExecutor")) each.interrupt();
                }
            }
        });
        hurrying.setDaemon(true);
        hurrying.start();
    }

    private static List<Map<String, Object>> declarations() throws Exception {
        registered().clear();
        MQAdminStartup.initCommand();
        List<Map<String, Object>> result = new ArrayList<>();
        for (Object each : registered()) {
            SubCommand command = (SubCommand) each;
            Map<String, Object> row = new TreeMap<>();
            row.put("name", command.commandName());
            row.put("alias", command.commandAlias());
            row.put("description", command.commandDesc());
            List<Map<String, Object>> options = new ArrayList<>();
            for (Option option : command.buildCommandlineOptions(new Options()).getOptions()) {
                Map<String, Object> one = new TreeMap<>();
                one.put("short", option.getOpt());
                one.put("long", option.getLongOpt());
                one.put("hasArg", option.hasArg());
                one.put("required", option.isRequired());
                options.add(one);
            }
            row.put("options", options);
            result.add(row);
        }
        return result;
    }

    private static List<?> registered() throws Exception {
        for (Field field : MQAdminStartup.class.getDeclaredFields()) {
            if (!List.class.isAssignableFrom(field.getType())) continue;
            field.setAccessible(true);
            return (List<?>) field.get(null);
        }
        throw new IllegalStateException("MQAdminStartup has no list of commands");
    }
}
