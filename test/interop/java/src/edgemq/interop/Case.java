package edgemq.interop;

/**
 * One thing a Java program does with RocketMQ, reported as one test.
 *
 * @param chain cases with the same one build on each other, or must not meet: they run in their order. null: on its own
 */
record Case(String name, Phase phase, String chain, Body body) {
    /**
     * Chain of who looks at the counters of cold reads and of groups with a % in their names: Apache's getColdDataFlowCtrInfo takes
     * what it prints for a format, and fails while such a group is counted.
     */
    static final String COLD_COUNTERS = "cold counters";

    /** What a case may do to the server decides what may run beside it. */
    enum Phase {
        /** Keeps to its own topics and groups: many run at once. */
        TOGETHER,
        /** Changes or loads the whole server: runs when no other does. */
        ALONE,
        /** Restarts servers: runs last, one by one. */
        RESTART,
        /** Needs a runner that knows what it asks for: runs only when it is named. */
        NAMED,
    }

    /** Thrown by a case that can't run here; its message is the reason. */
    static final class Skipped extends RuntimeException {
        private static final long serialVersionUID = 1;

        Skipped(String reason) {
            super(reason);
        }
    }

    interface Body {
        void run(Kit kit) throws Exception;
    }

    static Case together(String name, Body body) {
        return new Case(name, Phase.TOGETHER, null, body);
    }

    static Case chained(String chain, String name, Body body) {
        return new Case(name, Phase.TOGETHER, chain, body);
    }

    static Case alone(String name, Body body) {
        return new Case(name, Phase.ALONE, null, body);
    }

    static Case named(String name, Body body) {
        return new Case(name, Phase.NAMED, null, body);
    }

    static Case restart(String name, Body body) {
        return new Case(name, Phase.RESTART, null, body);
    }
}
