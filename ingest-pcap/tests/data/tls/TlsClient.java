import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Sends RECORDS records of SIZE bytes, a PAUSE in ms behind each, and reads the last: RECORDS SIZE PAUSE PROPERTY=VALUE… */
public class TlsClient {
  public static void main(String[] arguments) throws Exception {
    int records = Integer.parseInt(arguments[0]), size = Integer.parseInt(arguments[1]), pause = Integer.parseInt(arguments[2]);
    Properties properties = new Properties();
    for (int i = 3; i < arguments.length; i++) {
      String[] pair = arguments[i].split("=", 2);
      properties.put(pair[0], pair[1]);
    }
    properties.put("acks", "1");
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (int i = 0; i < records; i++) {
        byte[] id = Integer.toString(i).getBytes();
        producer.send(new ProducerRecord<>("orders", i % 3, null, null, new byte[size],
            List.of(new RecordHeader("messageId", id)))).get();
        Thread.sleep(pause);
      }
    }
    properties.put("fetch.max.wait.ms", "100");
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      TopicPartition first = new TopicPartition("orders", 0);
      consumer.assign(List.of(first));
      consumer.seek(first, consumer.endOffsets(List.of(first)).get(first) - 1);
      while (consumer.poll(Duration.ofMillis(100)).isEmpty()) {}
    }
  }
}
