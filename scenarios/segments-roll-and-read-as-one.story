# Segments are small here: a few records fill one. One answer holds records of one segment, and the next goes on behind it.

node seed=19 config=tiny
topic orders
produce orders/0 a size=300
produce orders/0 b size=300
produce orders/0 c size=300
produce orders/0 d size=300
produce orders/0 e size=300
files orders/0
fetch orders/0
fetch orders/0 from=2
fetch orders/0 from=3
fetch orders/0 from=4
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
00000000000000000000.index 8
00000000000000000000.log 740
00000000000000000000.timeindex 12
00000000000000000002.index 8
00000000000000000002.log 740
00000000000000000002.snapshot 18
00000000000000000002.timeindex 12
00000000000000000004.log 370
00000000000000000004.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 start=0 hw=5: 0=a..(300) 1=b..(300)
c1: orders/0 start=0 hw=5: 2=c..(300) 3=d..(300)
c1: orders/0 start=0 hw=5: 3=d..(300)
c1: orders/0 start=0 hw=5: 4=e..(300)

# All of it is there after a power loss: the names of new segments were synced, too.
power-loss lose=unsynced
start
fetch orders/0
fetch orders/0 from=4
----
c1: orders/0 start=0 hw=5: 0=a..(300) 1=b..(300)
c1: orders/0 start=0 hw=5: 4=e..(300)
