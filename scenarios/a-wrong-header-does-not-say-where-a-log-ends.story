# The disk is full when a closed segment's indexes are to be written, and later a bit of a batch in it turns over: its last offset. The next
# start makes the indexes anew and reads headers only, in which nothing follows that batch. It does not conclude that the log reaches far
# beyond what was promised, so that what lies behind could go: it looks at the checksums, and says what is damaged.

node seed=237 config=tiny log.flush.offset.checkpoint.interval.ms=100
topic orders max.message.bytes=200
fault no-space on=index
fault no-space on=time-index
produce orders/0 a size=100
produce orders/0 b size=100
produce orders/0 c size=100
produce orders/0 d size=100
produce orders/0 e size=100
produce orders/0 f size=100
produce orders/0 g size=100
run 1s
fault bit-flip in=orders/0
crash
start
files orders/0
fetch orders/0
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
c1: orders/0 KAFKA_STORAGE_ERROR
