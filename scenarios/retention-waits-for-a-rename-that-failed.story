# Retention drops the oldest segments, and the oldest one's file cannot be renamed. Nothing newer goes before it: a crash must not find
# a gap between segments, which would look like what a power loss leaves.

node seed=20 config=tiny
topic orders retention.bytes=1000 ottla.durability=page-cache
produce orders/0 a size=300
produce orders/0 b size=300
produce orders/0 c size=300
produce orders/0 d size=300
produce orders/0 e size=300
produce orders/0 f size=300
produce orders/0 g size=300
fault name-error on=log
run 1100ms
ends orders/0
files orders/0
crash
start
fetch orders/0 from=4
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
c1: orders/0 offset=5
c1: orders/0 offset=6
orders/0 start=4 hw=7 durable=6 written=7 end=7
00000000000000000000.index.deleted 8
00000000000000000000.log 740
00000000000000000000.timeindex.deleted 12
00000000000000000002.index 8
00000000000000000002.log 740
00000000000000000002.timeindex 12
00000000000000000004.index 8
00000000000000000004.log 740
00000000000000000004.snapshot 18
00000000000000000004.timeindex 12
00000000000000000006.log 370
00000000000000000006.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 start=4 hw=7: 4=e..(300) 5=f..(300)

# The next life drops what this one could not.
run 3s
files orders/0
fetch orders/0 from=4
----
00000000000000000004.index 8
00000000000000000004.log 740
00000000000000000004.snapshot 18
00000000000000000004.timeindex 12
00000000000000000006.log 370
00000000000000000006.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 start=4 hw=7: 4=e..(300) 5=f..(300)

# It is tried again in the same life, too.
produce orders/0 h size=300
produce orders/0 i size=300
fault name-error on=log
run 4s
ends orders/0
files orders/0
fetch orders/0 from=6
----
c1: orders/0 offset=7
c1: orders/0 offset=8
orders/0 start=6 hw=9 durable=8 written=9 end=9
00000000000000000006.index 8
00000000000000000006.log 740
00000000000000000006.snapshot 18
00000000000000000006.timeindex 12
00000000000000000008.log 370
00000000000000000008.snapshot 18
leader-epoch-checkpoint 12
partition.metadata 43
c1: orders/0 start=6 hw=9: 6=g..(300) 7=h..(300)
