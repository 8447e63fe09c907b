# The disk is full when the indexes of a closed segment are to be written: they are given up. The next life makes them anew, and dies
# before they are on the disk: what it wrote has no name yet that anybody believes.

node seed=98 config=tiny log.flush.offset.checkpoint.interval.ms=100
topic orders max.message.bytes=200 index.interval.bytes=100
fault no-space on=index after=1
produce orders/0 a size=100
produce orders/0 b size=100
produce orders/0 c size=100
produce orders/0 d size=100
produce orders/0 e size=100
produce orders/0 f size=100
produce orders/0 g size=100
run 1s
files orders/0
crash
fault crash-at-call after=21
start
run 1s
files orders/0
fault power-loss-at-call after=37
start
run 1s
files orders/0
start
run 1s
files orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
c1: orders/0 offset=5
c1: orders/0 offset=6
00000000000000000000.log 1020
00000000000000000006.log 170
00000000000000000006.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
node 1 is down: Stopped
00000000000000000000.log 1020
00000000000000000000.timeindex.tmp 24
00000000000000000006.log 170
00000000000000000006.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
node 1 is down: Stopped
00000000000000000000.log 1020
00000000000000000006.log 170
00000000000000000006.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
00000000000000000000.index 40
00000000000000000000.log 1020
00000000000000000000.timeindex 48
00000000000000000006.log 170
00000000000000000006.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
