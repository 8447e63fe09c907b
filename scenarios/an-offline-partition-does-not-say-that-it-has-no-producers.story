# A start cannot read a log that a producer with sequences wrote to. Who asks for its producers is told that the partition is out of reach,
# not that there are none; after the next start it is told who they are.

node seed=1 config=tiny
topic orders
init-producer
produce orders/0 a seq=0
producers orders/0
crash
fault read-error on=log in=orders/0
start
producers orders/0
crash
start
run 1s
producers orders/0
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: id=0 epoch=0 last-seq=0
c1: KAFKA_STORAGE_ERROR
c1: id=0 epoch=0 last-seq=0
