// Kafka's Java client, and its console tools in the same process. The contract is in ../README.md.
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

public class Client {
    record Rec(byte[] key, byte[] value, List<Header> headers) {}

    record At(String topic, int partition, String third) {
        static At of(String spec) {
            String[] parts = spec.split(":");
            return new At(parts[0], Integer.parseInt(parts[1]), parts[2]);
        }
    }

    public static void main(String[] args) throws Exception {
        String address = args[0];
        List<String> rest = Arrays.asList(args).subList(2, args.length);
        switch (args[1]) {
            case "write" -> write(address, records(rest.get(0)), rest.subList(1, rest.size()));
            case "read" -> read(address, Integer.parseInt(rest.get(0)), rest.subList(1, rest.size()));
            case "admin" -> admin(address, rest.get(0));
            case "tools" -> {
                tools(address, rest.get(0));
                if (rest.size() > 1) dumps(address, rest.get(0), Path.of(rest.get(1)));
            }
            default -> throw new IllegalArgumentException(args[1]);
        }
        if (!args[1].equals("read")) System.out.println("ok");
        System.out.flush();
        System.exit(0);
    }

    static byte[] text(JsonNode node) {
        return node == null || node.isNull() ? null : node.asText().getBytes(StandardCharsets.UTF_8);
    }

    static List<Rec> records(String path) throws Exception {
        List<Rec> all = new ArrayList<>();
        ObjectMapper json = new ObjectMapper();
        for (String line : Files.readAllLines(Path.of(path))) {
            JsonNode r = json.readTree(line);
            byte[] value = text(r.get("value"));
            if (r.has("value_size")) {
                int n = r.get("value_size").asInt();
                value = new byte[n];
                for (int i = 0; i < n; i++) value[i] = (byte) (i * 131 + i / 251 + n);
            }
            List<Header> headers = new ArrayList<>();
            for (JsonNode h : r.get("headers")) headers.add(new RecordHeader(h.get(0).asText(), text(h.get(1))));
            all.add(new Rec(text(r.get("key")), value, headers));
        }
        return all;
    }

    static void write(String address, List<Rec> records, List<String> targets) throws Exception {
        for (String target : targets) {
            At at = At.of(target);
            Map<String, Object> config = Map.of("bootstrap.servers", address, "compression.type", at.third, "acks", "all",
                "enable.idempotence", true, "max.request.size", 1500000, "linger.ms", 5);
            try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
                List<Future<RecordMetadata>> sent = new ArrayList<>();
                for (Rec r : records) sent.add(producer.send(new ProducerRecord<>(at.topic, at.partition, r.key, r.value, r.headers)));
                for (var s : sent) s.get(30, TimeUnit.SECONDS);
            }
        }
    }

    static void read(String address, int count, List<String> sources) throws Exception {
        Map<String, Object> config = Map.of("bootstrap.servers", address, "enable.auto.commit", false,
            "max.partition.fetch.bytes", 2000000, "fetch.max.wait.ms", 10, "auto.offset.reset", "none");
        try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            for (String source : sources) {
                At at = At.of(source);
                TopicPartition tp = new TopicPartition(at.topic, at.partition);
                consumer.assign(List.of(tp));
                consumer.seek(tp, Long.parseLong(at.third));
                long end = System.nanoTime() + 20_000_000_000L;
                for (int left = count; left > 0; ) {
                    if (System.nanoTime() > end) throw new TimeoutException("nothing came");
                    for (var r : consumer.poll(Duration.ofSeconds(1)).records(tp)) {
                        if (left-- > 0) show(r);
                    }
                }
            }
        }
    }

    static String checksum(byte[] value) {
        var crc = new java.util.zip.CRC32();
        crc.update(value);
        return String.format("%d:%08x", value.length, crc.getValue());
    }

    static void show(ConsumerRecord<byte[], byte[]> r) {
        HexFormat hex = HexFormat.of();
        String value = r.value() == null ? "-" : checksum(r.value());
        StringJoiner headers = new StringJoiner(",").setEmptyValue("-");
        for (Header h : r.headers()) headers.add(h.key() + "=" + (h.value() == null ? "-" : "x" + hex.formatHex(h.value())));
        System.out.println(r.offset() + " " + (r.key() == null ? "-" : "x" + hex.formatHex(r.key())) + " " + value + " " + headers);
    }

    static void check(boolean ok, Object what) {
        if (!ok) throw new AssertionError(what);
    }

    static void eventually(Callable<Boolean> condition, String what) throws Exception {
        long end = System.nanoTime() + 20_000_000_000L;
        while (!condition.call()) {
            check(System.nanoTime() < end, what);
            Thread.sleep(20);
        }
    }

    static void admin(String address, String topic) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", address))) {
            admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1).configs(Map.of("retention.ms", "86400000")))).all().get();
            eventually(() -> {
                var d = admin.describeTopics(List.of(topic)).allTopicNames();
                try { return d.get().get(topic).partitions().size() == 3; } catch (ExecutionException e) { return false; }
            }, "the topic does not appear");
            ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
            check(config.get("retention.ms").value().equals("86400000"), config);
            admin.incrementalAlterConfigs(Map.of(resource, List.of(
                new AlterConfigOp(new ConfigEntry("retention.ms", "1000"), AlterConfigOp.OpType.SET)))).all().get();
            eventually(() -> admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value().equals("1000"),
                "the setting does not change");
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
            eventually(() -> admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size() == 5,
                "the partitions do not appear");
            TopicPartition tp = new TopicPartition(topic, 4);
            check(admin.listOffsets(Map.of(tp, OffsetSpec.latest())).all().get().get(tp).offset() == 0, "offsets");
            admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(0))).all().get();
            check(admin.describeCluster().nodes().get().size() == 1, "nodes");
            int node = admin.describeCluster().nodes().get().iterator().next().id();
            var dirs = admin.describeLogDirs(List.of(node)).allDescriptions().get().get(node).values();
            check(!dirs.isEmpty(), "log directories");
            for (var dir : dirs) check(dir.usableBytes().getAsLong() > 0 && dir.totalBytes().getAsLong() > dir.usableBytes().getAsLong(), dir);
            check(admin.listTopics().names().get().contains(topic), "the list");
            admin.deleteTopics(List.of(topic)).all().get();
            eventually(() -> !admin.listTopics().names().get().contains(topic), "the topic is still there");
        }
    }

    interface Tool {
        void run() throws Exception;
    }

    /** What a tool prints. */
    static String run(Tool tool) throws Exception {
        PrintStream before = System.out;
        ByteArrayOutputStream caught = new ByteArrayOutputStream();
        System.setOut(new PrintStream(caught, true));
        try {
            tool.run();
        } finally {
            System.setOut(before);
        }
        return caught.toString();
    }

    static void says(String what, String output) {
        check(output.contains(what), "no '" + what + "' in: " + output);
    }

    /** Kafka's console tools; each is the class that the script of its name starts. */
    static void tools(String address, String topic) throws Exception {
        org.apache.kafka.common.utils.Exit.setExitProcedure((status, message) -> {
            if (status != 0) throw new AssertionError("exit " + status + ": " + message);
        });
        String[] to = {"--bootstrap-server", address};
        says("Created topic", run(() -> org.apache.kafka.tools.TopicCommand.main(
            args(to, "--create", "--topic", topic, "--partitions", "2", "--config", "segment.bytes=1048576"))));
        says(topic, run(() -> org.apache.kafka.tools.TopicCommand.main(args(to, "--list"))));
        says("PartitionCount: 2", run(() -> org.apache.kafka.tools.TopicCommand.main(args(to, "--describe", "--topic", topic))));
        says("Completed", run(() -> kafka.admin.ConfigCommand.main(
            args(to, "--alter", "--entity-type", "topics", "--entity-name", topic, "--add-config", "retention.ms=3600000"))));
        says("retention.ms=3600000", run(() -> kafka.admin.ConfigCommand.main(
            args(to, "--describe", "--entity-type", "topics", "--entity-name", topic))));
        run(() -> org.apache.kafka.tools.TopicCommand.main(args(to, "--create", "--topic", topic + "one", "--partitions", "1",
            "--config", "segment.bytes=1048576")));
        java.io.InputStream in = System.in;
        System.setIn(new java.io.ByteArrayInputStream("a:1\nb:2\nc:3\n".getBytes()));
        org.apache.kafka.tools.ConsoleProducer.main(args(to, "--topic", topic + "one", "--reader-property", "parse.key=true",
            "--reader-property", "key.separator=:", "--compression-codec", "zstd", "--sync"));
        System.setIn(in);
        String[] offsets = args(to, "--topic", topic + "one", "--time");
        says(topic + "one:0:3", run(() -> org.apache.kafka.tools.GetOffsetShell.main(args(offsets, "latest"))));
        says(topic + "one:0:0", run(() -> org.apache.kafka.tools.GetOffsetShell.main(args(offsets, "earliest"))));
        says(topic + "one:0:", run(() -> org.apache.kafka.tools.GetOffsetShell.main(args(offsets, "max-timestamp"))));
        says(topic + "one:0:0", run(() -> org.apache.kafka.tools.GetOffsetShell.main(args(offsets, "1"))));
        String[] console = args(to, "--topic", topic + "one", "--partition", "0", "--timeout-ms", "20000",
            "--formatter-property", "print.key=true", "--formatter-property", "key.separator=|");
        says("a|1\nb|2\nc|3\n", run(() -> org.apache.kafka.tools.consumer.ConsoleConsumer.main(
            args(console, "--offset", "earliest", "--max-messages", "3"))));
        says("c|3\n", run(() -> org.apache.kafka.tools.consumer.ConsoleConsumer.main(args(console, "--offset", "2", "--max-messages", "1"))));
        String performance = run(() -> org.apache.kafka.tools.ProducerPerformance.main(new String[] {"--topic", topic + "one", "--num-records", "1000",
            "--record-size", "3000", "--throughput", "-1", "--producer-props", "bootstrap.servers=" + address, "acks=all"}));
        says("1000 records sent", performance);
        run(() -> org.apache.kafka.tools.TopicCommand.main(args(to, "--alter", "--topic", topic, "--partitions", "4")));
        says("\"partition\":\"" + topic + "one-0\"", run(() -> org.apache.kafka.tools.LogDirsCommand.main(
            args(to, "--describe", "--topic-list", topic + "one"))));
        says("Cluster ID: ", run(() -> org.apache.kafka.tools.ClusterTool.main(new String[] {"cluster-id", "--bootstrap-server", address})));
        Path before = Files.createTempFile("delete", ".json");
        Files.writeString(before, "{\"version\":1,\"partitions\":[{\"topic\":\"" + topic + "one\",\"partition\":0,\"offset\":2}]}");
        says("low_watermark: 2", run(() -> org.apache.kafka.tools.DeleteRecordsCommand.main(args(to, "--offset-json-file", before.toString()))));
        Files.delete(before);
        says(topic + "one:0:2", run(() -> org.apache.kafka.tools.GetOffsetShell.main(args(offsets, "earliest"))));
        says("Produce(0)", run(() -> org.apache.kafka.tools.BrokerApiVersionsCommand.main(to)));
        org.apache.kafka.tools.TopicCommand.main(args(to, "--delete", "--topic", topic));
    }

    /** DumpLogSegments on the files of a broker whose data directory this is. Then what was made here is deleted. */
    static void dumps(String address, String topic, Path data) throws Exception {
        Path partition = data.resolve(topic + "one-0");
        String segment = "00000000000000000000";
        String log = run(() -> org.apache.kafka.tools.DumpLogSegments.main(
            new String[] {"--files", partition.resolve(segment + ".log").toString(), "--print-data-log", "--deep-iteration"}));
        for (String said : List.of("key: a payload: 1", "key: c payload: 3", "compresscodec: zstd", "isvalid: true")) says(said, log);
        check(!log.contains("isvalid: false"), log);
        // A broker need not have written the indexes of a segment that it still appends to.
        int indexes = 0;
        for (Path file : Files.list(partition).sorted().toList()) {
            if (!file.toString().endsWith("index")) continue;
            indexes++;
            String said = run(() -> org.apache.kafka.tools.DumpLogSegments.main(new String[] {"--files", file.toString()}));
            says("Dumping", said);
            check(!said.contains("Mismatches") && !said.contains("out of order") && !said.contains("Found"), said);
        }
        check(indexes >= 4, "indexes of two segments that are closed: " + indexes);
        // The metadata log and its snapshot: the topic is in one of them, or in both.
        StringBuilder metadata = new StringBuilder();
        int snapshots = 0;
        for (Path file : Files.list(data.resolve("__cluster_metadata-0")).sorted().toList()) {
            boolean snapshot = file.toString().endsWith(".checkpoint");
            if (!snapshot && !file.toString().endsWith(".log")) continue;
            String said = run(() -> org.apache.kafka.tools.DumpLogSegments.main(
                new String[] {"--cluster-metadata-decoder", "--files", file.toString()}));
            if (snapshot) says("SnapshotHeader", said);
            if (snapshot) says("SnapshotFooter", said);
            snapshots += snapshot ? 1 : 0;
            metadata.append(said);
        }
        check(snapshots > 0, "the metadata log has no snapshot");
        for (String said : List.of("\"type\":\"TOPIC_RECORD\"", topic + "one", "\"type\":\"PARTITION_RECORD\"")) says(said, metadata.toString());
        String[] delete = {"--bootstrap-server", address, "--delete", "--topic", topic + "one"};
        org.apache.kafka.tools.TopicCommand.main(delete);
    }

    static String[] args(String[] first, String... more) {
        List<String> all = new ArrayList<>(Arrays.asList(first));
        all.addAll(Arrays.asList(more));
        return all.toArray(new String[0]);
    }
}
