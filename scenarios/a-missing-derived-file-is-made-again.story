# Somebody removes what is derived from the records while the broker is down: an index, a time index, a snapshot of the producers, the leader
# epochs. Nothing is lost, a retry is still recognised, and the indexes are made again.

node seed=134 config=tiny
topic orders
topic other
init-producer
produce orders/0 a size=300 seq=0
produce orders/0 b size=300 seq=1
produce orders/0 c size=300 seq=2
produce orders/0 d size=300 seq=3
produce orders/0 e size=300 seq=4
produce other/0 x
run 10m
crash
files orders/0
fault lost-file on=index in=orders/0
fault lost-file on=time-index in=orders/0
fault lost-file on=snapshot in=orders/0
fault lost-file on=epochs in=orders/0
fault lost-file on=snapshot in=other/0
files orders/0
start
run 1s
files orders/0
fetch orders/0
fetch orders/0 from=2
fetch orders/0 from=4
produce orders/0 d size=300 seq=3
produce orders/0 f size=300 seq=5
epoch-end orders/0 epoch=0
----
c1: created orders partitions=1
c1: created other partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
c1: other/0 offset=0
00000000000000000000.index 8
00000000000000000000.log 740
00000000000000000000.timeindex 12
00000000000000000002.index 8
00000000000000000002.log 740
00000000000000000002.snapshot 96
00000000000000000002.timeindex 12
00000000000000000004.log 370
00000000000000000004.snapshot 160
leader-epoch-checkpoint 8
partition.metadata 43
nothing to strike
00000000000000000000.log 740
00000000000000000000.timeindex 12
00000000000000000002.index 8
00000000000000000002.log 740
00000000000000000004.log 370
00000000000000000004.snapshot 160
partition.metadata 43
00000000000000000000.log 740
00000000000000000000.timeindex 12
00000000000000000002.index 8
00000000000000000002.log 740
00000000000000000002.timeindex 12
00000000000000000004.log 370
00000000000000000004.snapshot 160
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 start=0 hw=5: 0=a..(300) 1=b..(300)
c1: orders/0 start=0 hw=5: 2=c..(300) 3=d..(300)
c1: orders/0 start=0 hw=5: 4=e..(300)
c1: orders/0 offset=3
c1: orders/0 offset=5
c1: orders/0 epoch=0 end=5
