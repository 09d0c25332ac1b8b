package edgemq.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** User and system time of the server's processes, from /proc (Linux; its unit is 10 ms). */
final class ServerCpu {
    private static final long MICROS_PER_TICK = 10_000;

    private final String[] pids;

    ServerCpu(String commaSeparatedPids) {
        pids = commaSeparatedPids.split(",");
    }

    long readMicros() {
        long ticks = 0;
        for (String pid : pids) {
            try {
                String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
                // the name in parentheses may hold blanks; after it utime and stime are fields 12 and 13
                String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
                ticks += Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
            } catch (IOException e) {
                throw new UncheckedIOException("Cannot read the CPU time of process " + pid, e);
            }
        }
        return ticks * MICROS_PER_TICK;
    }
}
