import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;

/** Threads that contend for monitors and locks until a file has a size, or a time is over. */
public class Contend {
    static final Object[] MONITORS = new Object[8];
    static final ReentrantLock[] LOCKS = new ReentrantLock[2];
    static volatile long sink;

    public static void main(String[] args) throws Exception {
        int threads = Integer.parseInt(args[0]);
        long seconds = Long.parseLong(args[1]);
        Path file = Path.of(args[2]);
        long bytes = Long.parseLong(args[3]);
        for (int i = 0; i < MONITORS.length; i++) MONITORS[i] = new Object();
        for (int i = 0; i < LOCKS.length; i++) LOCKS[i] = new ReentrantLock();
        for (int t = 0; t < threads; t++) {
            int seed = t;
            Thread thread = new Thread(() -> run(seed), "contender-" + t);
            thread.setDaemon(true);
            thread.start();
        }
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        while (System.nanoTime() < end) {
            Thread.sleep(500);
            if (Files.exists(file) && Files.size(file) >= bytes) break;
        }
        System.exit(0);
    }

    static void run(int seed) {
        long x = seed * 0x9E3779B97F4A7C15L + 1;
        while (true) {
            x ^= x << 13; x ^= x >>> 7; x ^= x << 17;
            descend((int) (x & 7), x);
        }
    }

    /** Different depths and paths, so that there are many distinct stacks. */
    static void descend(int depth, long x) {
        if (depth > 0) {
            if ((x & 1) == 0) left(depth, x >>> 1); else right(depth, x >>> 1);
        } else if ((x & 15) == 0) {
            ReentrantLock lock = LOCKS[(int) ((x >>> 8) & 1)];
            lock.lock();
            try { work(x); } finally { lock.unlock(); }
        } else {
            synchronized (MONITORS[(int) ((x >>> 8) & 7)]) { work(x); }
        }
    }

    static void left(int depth, long x) { descend(depth - 1, x); }

    static void right(int depth, long x) { descend(depth - 1, x); }

    static void work(long x) {
        long sum = x;
        for (int i = 0; i < 200; i++) sum = sum * 31 + i;
        sink = sum;
        if ((x & 3) == 0) Thread.yield();
    }
}
