import java.io.PrintStream;
import java.util.Properties;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends records at fixed times, whatever became of those before (an open loop), until it is ended:
 * java -cp 'JARS/*' Load.java ADDRESS RECORDS_A_SECOND BYTES PRODUCERS FILE
 *
 * FILE gets a line a record: when it was due (ns since 1970), and how long after that it was acknowledged (ns), or -1.
 * kafka-producer-perf-test tells percentiles of a whole run only, with the start of its own JVM; these can be cut by time.
 */
public class Load {
    public static void main(String[] words) throws Exception {
        int producers = Integer.parseInt(words[3]);
        double rate = Double.parseDouble(words[1]) / producers;
        int bytes = Integer.parseInt(words[2]);
        PrintStream out = new PrintStream(new java.io.BufferedOutputStream(new java.io.FileOutputStream(words[4]), 1 << 16));
        Thread[] threads = new Thread[producers];
        for (int at = 0; at < producers; at++) {
            long first = System.nanoTime() + 500_000_000L + (long) (at * 1e9 / rate / producers);
            String name = "load-" + at;
            threads[at] = new Thread(() -> send(words[0], name, rate, bytes, first, out));
            threads[at].start();
        }
        while (true) {
            Thread.sleep(500);
            out.flush();
        }
    }

    static void send(String address, String name, double rate, int bytes, long first, PrintStream out) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", address);
        settings.put("client.id", name);
        settings.put("acks", "1");
        settings.put("linger.ms", "0");
        settings.put("enable.idempotence", "false");
        long toWall = System.currentTimeMillis() * 1_000_000L - System.nanoTime();
        byte[] value = new byte[bytes];
        new java.util.Random(name.hashCode()).nextBytes(value);
        try (var producer = new KafkaProducer<byte[], byte[]>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (long count = 0; ; count++) {
                long due = first + (long) (count * 1e9 / rate);
                for (long left; (left = due - System.nanoTime()) > 0; ) LockSupport.parkNanos(left);
                producer.send(new ProducerRecord<>("orders", value), (metadata, error) -> {
                    long took = error == null ? System.nanoTime() - due : -1;
                    out.println((due + toWall) + " " + took);
                });
            }
        }
    }
}
