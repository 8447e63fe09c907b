# A jitter above segment.ms is one of segment.ms, as in Kafka: not every batch is a segment of its own.

node seed=1 config=default
topic orders segment.ms=60000 segment.jitter.ms=3600000
produce orders/0 a
produce orders/0 b
produce orders/0 c
produce orders/0 d
files orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
00000000000000000000.log 276
leader-epoch-checkpoint 8
partition.metadata 43
