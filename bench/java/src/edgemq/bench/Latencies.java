package edgemq.bench;

/**
 * Latencies in buckets of 1/64 of a power of two (error below 1.6 %), so that recording allocates nothing. Safe for
 * several writers.
 */
final class Latencies {
    private static final int STEPS = 64;
    private static final int STEP_BITS = 6;

    private final long[] counts = new long[64 * STEPS];
    private long messages;

    synchronized void add(long nanos, int messageCount) {
        counts[bucket(Math.max(nanos, STEPS))]++;
        messages += messageCount;
    }

    synchronized void addAll(Latencies other) {
        for (int i = 0; i < counts.length; i++) counts[i] += other.counts[i];
        messages += other.messages;
    }

    synchronized long messages() {
        return messages;
    }

    /** @return milliseconds that this part (0..1) of the sends stayed below */
    synchronized double percentileMillis(double part) {
        long total = 0;
        for (long count : counts) total += count;
        long rank = (long) Math.ceil(total * part);
        long below = 0;
        for (int i = 0; i < counts.length; i++) {
            below += counts[i];
            if (below >= rank && counts[i] > 0) return lowest(i) / 1e6;
        }
        return 0;
    }

    private static int bucket(long nanos) {
        int exponent = 63 - Long.numberOfLeadingZeros(nanos);
        int step = (int) (nanos >>> (exponent - STEP_BITS)) & (STEPS - 1);
        return exponent * STEPS + step;
    }

    private static long lowest(int bucket) {
        int exponent = bucket / STEPS;
        long step = bucket % STEPS;
        return (1L << exponent) + (step << (exponent - STEP_BITS));
    }
}
