# After a crash the batches of the last segment are looked at again. Its indexes, which may speak of what is not there, go before
# anything is appended.

node seed=67 config=tiny
topic orders
produce orders/0 a size=120
produce orders/0 b size=120
shutdown
files orders/0
start
crash
start
files orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
00000000000000000000.index 8
00000000000000000000.log 380
00000000000000000000.timeindex 12
00000000000000000002.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
00000000000000000000.log 380
00000000000000000002.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
