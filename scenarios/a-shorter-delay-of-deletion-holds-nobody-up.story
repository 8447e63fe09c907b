# The files of a deleted segment are kept for ten minutes; then the setting says a second. What is deleted from now on goes after
# that second, though an older segment's files are still waiting; and nobody is kept busy by the newer one's time.

node seed=1 config=tiny
topic orders retention.bytes=600 file.delete.delay.ms=600000
produce orders/0 a size=500
produce orders/0 b size=500
produce orders/0 c size=500
run 10s
files orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
00000000000000000000.log.deleted 570
00000000000000000000.timeindex.deleted 12
00000000000000000001.log 570
00000000000000000001.snapshot 18
00000000000000000001.timeindex 12
00000000000000000002.log 570
00000000000000000002.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43

configure orders file.delete.delay.ms=1000
produce orders/0 d size=500
run 8s
files orders/0
----
c1: NONE
c1: orders/0 offset=3
00000000000000000000.log.deleted 570
00000000000000000000.timeindex.deleted 12
00000000000000000002.log 570
00000000000000000002.snapshot 18
00000000000000000002.timeindex 12
00000000000000000003.log 570
00000000000000000003.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43

run 10m
files orders/0
----
00000000000000000002.log 570
00000000000000000002.snapshot 18
00000000000000000002.timeindex 12
00000000000000000003.log 570
00000000000000000003.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
