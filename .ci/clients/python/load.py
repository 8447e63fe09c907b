"""Load until told to stop: confluent-kafka with idempotence and acks=all. Usage: load.py HOST:PORT TOPIC.

Record n has the value n. A line "n offset" is printed for each that was acknowledged; a line on the standard input, or its end, stops the
producing: what is under way is waited for, and "ok" printed. A record that fails for good is a line "n failed REASON".
"""
import sys
import threading
from confluent_kafka import Producer

address, topic = sys.argv[1], sys.argv[2]
stop = threading.Event()


def listen():
    sys.stdin.readline()
    stop.set()


def delivered(error, message):
    what = "failed %s" % error if error else str(message.offset())
    sys.stdout.write("%s %s\n" % (message.value().decode(), what))


threading.Thread(target=listen, daemon=True).start()
producer = Producer({"bootstrap.servers": address, "enable.idempotence": True, "acks": "all", "linger.ms": 2, "message.timeout.ms": 120000,
                     "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "retry.backoff.ms": 20, "queue.buffering.max.messages": 2000})
n = 0
while not stop.is_set():
    try:
        producer.produce(topic, value=str(n).encode(), partition=0, on_delivery=delivered)
        n += 1
    except BufferError:
        producer.poll(0.05)
    if n % 20 == 0:
        producer.poll(0.002)
    sys.stdout.flush()
left = producer.flush(60)
print("ok" if left == 0 else "failed: %d are not acknowledged" % left)
sys.stdout.flush()
