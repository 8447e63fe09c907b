# The records of a producer are deleted, and only a snapshot of the producers still says what it has sent. A start cannot read that, by an error that passes:
# the partition is offline, and the file stays. The next start can, and a batch that is sent again is known.

node seed=1 config=tiny
topic orders
init-producer
produce orders/0 a size=300 seq=0
produce orders/0 b size=300 seq=1
produce orders/0 x size=300
run 1s
delete-records orders/0 before=2
run 5s
crash
fault read-error on=snapshot in=orders/0
files orders/0
start
run 1s
files orders/0
produce orders/0 b size=300 seq=1
crash
start
producers orders/0
produce orders/0 b size=300 seq=1
fetch orders/0 from=2
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 start=2
00000000000000000002.log 370
00000000000000000002.snapshot 96
leader-epoch-checkpoint 8
partition.metadata 43
00000000000000000002.log 370
00000000000000000002.snapshot 96
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 KAFKA_STORAGE_ERROR
c1: id=0 epoch=0 last-seq=1
c1: orders/0 offset=1
c1: orders/0 start=2 hw=3: 2=x..(300)
