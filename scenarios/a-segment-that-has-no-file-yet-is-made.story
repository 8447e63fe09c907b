# The disk is full when a log begins its next segment: its file does not come into being. What failed is taken back to where that segment begins,
# the file is made then, and the log goes on when there is space.

node seed=132 config=tiny
topic orders
produce orders/0 a size=300
produce orders/0 b size=300
fault disk-full bytes=0 for=3s
produce orders/0 c size=400
run 5s
produce orders/0 d size=400
files orders/0
power-loss
start
fetch orders/0 from=2
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 NOT_ENOUGH_REPLICAS_AFTER_APPEND
c1: orders/0 offset=2
00000000000000000000.index 8
00000000000000000000.log 740
00000000000000000000.timeindex 12
00000000000000000002.log 470
00000000000000000002.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 start=0 hw=3: 2=d..(400)
