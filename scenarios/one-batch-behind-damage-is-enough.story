# The last batch of a segment is damaged, and the first one of the segment behind it, whose second is whole: what follows damage is looked for
# in all of what is behind, the partition is offline, and nothing is removed.

node seed=7 config=tiny
topic orders internal.segment.bytes=400
produce orders/0 a size=100
produce orders/0 b size=100
produce orders/0 c size=100
produce orders/0 d size=100
crash
fault bit-flip on=log in=orders/0
fault bit-flip on=log in=orders/0
start
fetch orders/0
files orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 KAFKA_STORAGE_ERROR
00000000000000000000.index 8
00000000000000000000.log 340
00000000000000000000.timeindex 12
00000000000000000002.log 340
00000000000000000002.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
