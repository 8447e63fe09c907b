"""aiokafka."""
import asyncio
from common import main, show
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType


async def write(address, records, targets):
    for topic, partition, codec in targets:
        producer = AIOKafkaProducer(bootstrap_servers=address, compression_type=None if codec == "none" else codec,
                                    enable_idempotence=True, max_request_size=1500000, linger_ms=5)
        await producer.start()
        try:
            sent = [await producer.send(topic, value=v, key=k, headers=h, partition=partition) for k, v, h in records]
            for s in sent:
                assert (await asyncio.wait_for(s, 20)).partition == partition
        finally:
            await producer.stop()


async def read(address, count, sources):
    consumer = AIOKafkaConsumer(bootstrap_servers=address, enable_auto_commit=False, max_partition_fetch_bytes=2000000)
    await consumer.start()
    try:
        for topic, partition, offset in sources:
            tp = TopicPartition(topic, partition)
            consumer.assign([tp])
            consumer.seek(tp, offset)
            for _ in range(count):
                m = await asyncio.wait_for(consumer.getone(tp), 20)
                show(m.offset, m.key, m.value, m.headers)
    finally:
        await consumer.stop()


async def admin(address, topic):
    a = AIOKafkaAdminClient(bootstrap_servers=address)
    await a.start()
    try:
        await a.create_topics([NewTopic(topic, 3, 1, topic_configs={"retention.ms": "86400000"})])
        while True:
            described = await a.describe_topics([topic])
            if not described[0]["error_code"]:
                break
        assert len(described[0]["partitions"]) == 3, described
        settings = str(await a.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]))
        assert "86400000" in settings, settings
        assert topic in await a.list_topics()
        await a.delete_topics([topic])
        while topic in await a.list_topics():
            await asyncio.sleep(0.02)
    finally:
        await a.close()


def blocking(f):
    return lambda *args: asyncio.run(asyncio.wait_for(f(*args), 60))


main(blocking(write), blocking(read), blocking(admin))
