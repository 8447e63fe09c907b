# A log is empty for longer than retention.ms: there is nothing to delete, and no segment to close. What comes later is in the one that is there,
# and stays until its own time has come.

node seed=131 config=tiny
topic orders retention.ms=3600000
run 2h
files orders/0
produce orders/0 a size=300
produce orders/0 b size=300
produce orders/0 c size=300
produce orders/0 d size=300
run 1m
files orders/0
fetch orders/0
shutdown
start
fetch orders/0
run 30m
fetch orders/0
produce orders/0 e size=300
run 40m
ends orders/0
files orders/0
fetch orders/0 from=4
run 3h
ends orders/0
files orders/0
produce orders/0 f
fetch orders/0 from=5
----
c1: created orders partitions=1
00000000000000000000.log 0
partition.metadata 43
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
00000000000000000000.index 8
00000000000000000000.log 740
00000000000000000000.timeindex 12
00000000000000000002.log 740
00000000000000000002.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 start=0 hw=4: 0=a..(300) 1=b..(300)
c1: orders/0 start=0 hw=4: 0=a..(300) 1=b..(300)
c1: orders/0 start=0 hw=4: 0=a..(300) 1=b..(300)
c1: orders/0 offset=4
orders/0 start=4 hw=5 durable=5 written=5 end=5
00000000000000000002.snapshot 18
00000000000000000004.log 370
00000000000000000004.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 start=4 hw=5: 4=e..(300)
orders/0 start=5 hw=5 durable=5 written=5 end=5
00000000000000000004.snapshot 18
00000000000000000005.log 0
00000000000000000005.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 offset=5
c1: orders/0 start=5 hw=6: 5=f
