# As in a-gap-is-damage: a batch vanishes from the middle of a log, every checksum being right, and the topic is to be compacted. Kafka's cleaner has left no
# word of this log, so nobody has compacted it: what is behind the gap is neither served nor thrown away.

node seed=1 config=tiny
topic orders cleanup.policy=compact
produce orders/0 a key=k1 size=200
produce orders/0 b key=k2 size=200
produce orders/0 c key=k3 size=200
run 10m
crash
cut-out orders/0 offset=1
start
fetch orders/0
files orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 KAFKA_STORAGE_ERROR
00000000000000000000.log 544
leader-epoch-checkpoint 8
partition.metadata 43
