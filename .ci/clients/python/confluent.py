"""confluent-kafka (librdkafka)."""
from common import main, show, until
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic


def write(address, records, targets):
    for topic, partition, codec in targets:
        producer = Producer({"bootstrap.servers": address, "compression.type": codec, "enable.idempotence": True,
                             "message.max.bytes": 1500000, "linger.ms": 5})
        bad = []
        for key, value, headers in records:
            producer.produce(topic, value=value, key=key, partition=partition, headers=headers,
                             on_delivery=lambda e, m: bad.append(e) if e else None)
        assert producer.flush(30) == 0 and not bad, bad


def read(address, count, sources):
    consumer = Consumer({"bootstrap.servers": address, "group.id": "none", "enable.auto.commit": False,
                         "fetch.message.max.bytes": 2000000, "fetch.wait.max.ms": 10})
    for topic, partition, offset in sources:
        consumer.assign([TopicPartition(topic, partition, offset)])
        for _ in range(count):
            m = consumer.poll(20)
            assert m is not None and not m.error(), m and m.error()
            show(m.offset(), m.key(), m.value(), m.headers())
    consumer.close()


def admin(address, topic):
    a = AdminClient({"bootstrap.servers": address})
    a.create_topics([NewTopic(topic, 3, 1, config={"retention.ms": "86400000"})])[topic].result(20)
    until(lambda: len(a.list_topics(timeout=20).topics[topic].partitions) == 3)
    configs = a.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)])
    settings = list(configs.values())[0].result(20)
    assert settings["retention.ms"].value == "86400000", settings["retention.ms"]
    consumer = Consumer({"bootstrap.servers": address, "group.id": "none"})
    until(lambda: consumer.get_watermark_offsets(TopicPartition(topic, 2), timeout=20) == (0, 0))
    consumer.close()
    a.create_partitions([NewPartitions(topic, 4)])[topic].result(20)
    until(lambda: len(a.list_topics(timeout=20).topics[topic].partitions) == 4)
    a.delete_topics([topic])[topic].result(20)
    until(lambda: topic not in a.list_topics(timeout=20).topics)


main(write, read, admin)
