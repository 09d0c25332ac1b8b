package edgemq.interop;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * The line to the runner. Reports go out on the real standard output, a line of JSON each; a request to do something with
 * the servers ({@code {"ask":"stopBroker"}}) is answered by one line on standard input: {@code ok}, or what went wrong.
 */
final class Control {
    private final PrintStream out;
    private final BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    Control(PrintStream out) {
        this.out = out;
    }

    /** Has the runner do something with the servers and returns when it is done. */
    synchronized void ask(String request) throws IOException {
        line("{\"ask\":\"" + request + "\"}");
        String answer = in.readLine();
        if (!"ok".equals(answer)) throw new IOException("the runner could not do " + request + ": " + answer);
    }

    void report(String name, long millis, String failure) {
        report(name, millis, "failure", failure);
    }

    /** @param kind of the text: failure, skipped, or note for the figures of a case that passed; text null for one without */
    void report(String name, long millis, String kind, String text) {
        report(name, millis, kind, text, "");
    }

    /** @param more members of the report, each behind a comma */
    void report(String name, long millis, String kind, String text, String more) {
        String tail = text == null ? "" : ",\"" + kind + "\":" + quote(text);
        line("{\"case\":\"" + name + "\",\"ms\":" + millis + tail + more + "}");
    }

    private void line(String text) {
        synchronized (out) {
            out.println(text);
            out.flush();
        }
    }

    static String quote(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') quoted.append('\\').append(c);
            else if (c < ' ' || c > '~') quoted.append(String.format("\\u%04x", (int) c));
            else quoted.append(c);
        }
        return quoted.append('"').toString();
    }
}
