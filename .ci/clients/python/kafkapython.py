"""kafka-python."""
from common import main, show, until
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic


def write(address, records, targets):
    for topic, partition, codec in targets:
        producer = KafkaProducer(bootstrap_servers=address, compression_type=None if codec == "none" else codec, acks="all",
                                 max_request_size=1500000, linger_ms=5)
        sent = []
        for k, v, headers in records:
            said = [h for h in headers if h[1] is not None]
            sent.append(producer.send(topic, value=v, key=k, headers=said, partition=partition))
        producer.flush(30)
        assert [s.get(20).partition for s in sent] == [partition] * len(records)
        producer.close()


def read(address, count, sources):
    consumer = KafkaConsumer(bootstrap_servers=address, enable_auto_commit=False, max_partition_fetch_bytes=2000000,
                             fetch_max_wait_ms=10)
    for topic, partition, offset in sources:
        tp = TopicPartition(topic, partition)
        consumer.assign([tp])
        consumer.seek(tp, offset)
        left = count
        while left > 0:
            polled = consumer.poll(timeout_ms=20000, max_records=left)
            assert polled, "nothing came"
            for m in polled[tp]:
                show(m.offset, m.key, m.value, m.headers)
                left -= 1
    consumer.close()


def admin(address, topic):
    a = KafkaAdminClient(bootstrap_servers=address)
    a.create_topics([NewTopic(topic, 3, 1, topic_configs={"retention.ms": "86400000"})])
    until(lambda: len(a.describe_topics([topic])[0]["partitions"]) == 3)
    settings = str(a.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]))
    assert "86400000" in settings, settings
    consumer = KafkaConsumer(bootstrap_servers=address)
    tp = TopicPartition(topic, 1)
    until(lambda: consumer.end_offsets([tp]) == {tp: 0})
    assert topic in a.list_topics()
    a.delete_topics([topic])
    until(lambda: topic not in a.list_topics())
    consumer.close()
    a.close()


main(write, read, admin)
