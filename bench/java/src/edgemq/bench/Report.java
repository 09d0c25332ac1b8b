package edgemq.bench;

import java.util.Locale;

/** One line of JSON a scenario on standard output. */
final class Report {
    private Report() {}

    static void print(
        String scenario, long messages, double seconds, Latencies latencies, long cpuMicros, long failed, String failure) {
        StringBuilder line = new StringBuilder();
        line.append(String.format(Locale.ROOT, "{\"scenario\":\"%s\",\"messages\":%d,\"rate\":%.0f", scenario, messages,
            messages / seconds));
        if (latencies != null) {
            line.append(String.format(Locale.ROOT, ",\"p50Ms\":%.3f,\"p99Ms\":%.3f", latencies.percentileMillis(0.5),
                latencies.percentileMillis(0.99)));
        }
        line.append(String.format(Locale.ROOT, ",\"cpuMicrosPerMessage\":%.2f,\"failed\":%d",
            messages == 0 ? 0 : (double) cpuMicros / messages, failed));
        if (failure != null) line.append(",\"failure\":\"").append(failure.replaceAll("[^ -~]|[\"\\\\]", " ")).append('"');
        System.out.println(line.append('}'));
        System.out.flush();
    }
}
