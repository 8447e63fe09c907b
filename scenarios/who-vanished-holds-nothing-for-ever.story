# A reader vanishes without a word while its answer is on the way: nobody takes the bytes, and the file that they lie in stays where it
# is although retention has dropped its records. The broker never learns that the reader is gone; when the connection has been idle for
# connections.max.idle.ms it ends, and the file goes.

node seed=3 config=tiny connections.max.idle.ms=10000
topic orders retention.bytes=600
produce orders/0 a size=500
offsets orders/0 client=reader
fault slow-reader client=reader by=100ms for=1s
fetch orders/0 from=0 client=reader wait=no
run 5ms
fault half-open client=reader
produce orders/0 b size=500
produce orders/0 c size=500
produce orders/0 d size=500
run 6s
files orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
reader: orders/0 offset=1
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
reader: connection lost, outcome unknown
00000000000000000000.log 570
00000000000000000000.timeindex 12
00000000000000000001.log 570
00000000000000000001.timeindex 12
00000000000000000002.log 570
00000000000000000002.snapshot 18
00000000000000000002.timeindex 12
00000000000000000003.log 570
00000000000000000003.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43

run 12s
files orders/0
----
00000000000000000002.log 570
00000000000000000002.snapshot 18
00000000000000000002.timeindex 12
00000000000000000003.log 570
00000000000000000003.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
