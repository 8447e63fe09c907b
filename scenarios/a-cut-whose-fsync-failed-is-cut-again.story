# A power loss leaves half of a batch behind that nobody was promised. The next start cuts it off, the fsync behind the cut fails, and the
# process dies: readers see the shorter file from now on, and the disk may still have the longer one. The life after that sets the length
# again before anything follows, here in another segment.

node seed=19 config=tiny
topic orders
produce orders/0 a size=300
produce orders/0 b size=300
fault stall after=1 for=5s
produce orders/0 torn acks=1 size=100
power-loss lose=any
fault sync-error in=orders/0
start
fetch orders/0
crash
start
produce orders/0 c size=400
files orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 KAFKA_STORAGE_ERROR
c1: orders/0 offset=2
00000000000000000000.index 8
00000000000000000000.log 740
00000000000000000000.timeindex 12
00000000000000000002.log 470
00000000000000000002.snapshot 18
leader-epoch-checkpoint 12
partition.metadata 43

# What was acknowledged in the next segment is not behind a hole.
power-loss
start
fetch orders/0 from=2
----
c1: orders/0 start=0 hw=3: 2=c..(400)
