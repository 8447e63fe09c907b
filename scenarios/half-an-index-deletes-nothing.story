# The disk is full when the time index of a closed segment is written: the indexes are given up. A recovery point that did not wait for their
# removal would have the next life believe the half of it that a power loss brings back, and delete young records.

node seed=3 config=tiny log.retention.check.interval.ms=60000
topic orders retention.ms=3600000
run 1s
produce orders/0 a size=100 age=59m
produce orders/0 b size=100 age=40m
produce orders/0 c size=100 age=30m
produce orders/0 d size=100 age=20m
produce orders/0 e size=100 age=10m
fault disk-full bytes=244 for=500ms
produce orders/0 f size=100 age=0s
run 2m
files orders/0
power-loss lose=names
start
run 1s
files orders/0
run 32m
ends orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
c1: orders/0 offset=5
00000000000000000000.log 850
00000000000000000005.log 170
00000000000000000005.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
00000000000000000000.index 32
00000000000000000000.log 850
00000000000000000000.timeindex 48
00000000000000000005.log 170
00000000000000000005.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
orders/0 start=0 hw=6 durable=6 written=6 end=6
