# The disk is full when a log begins its next segment, while the sync of the one before is still under way: what was written meanwhile is on
# the disk, and read, and deleted, as soon as the disk has time. That needs no space.

node seed=1 config=tiny
topic orders
produce orders/0 a size=300
init-producer
run 1s
fault stall on=log after=1 for=2s
produce orders/0 b size=100 seq=0 wait=no
produce orders/0 c size=100 seq=1 wait=no
run 10ms
fault disk-full bytes=0 for=1h
produce orders/0 d size=400 acks=1 wait=no client=c3
run 5s
ends orders/0
fetch orders/0 client=c4
produce orders/0 c size=100 seq=1 wait=no
delete-records orders/0 before=-1 wait=no client=c5
run 1m
ends orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: producer id=0 epoch=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c3: orders/0 NOT_ENOUGH_REPLICAS_AFTER_APPEND
orders/0 start=0 hw=3 durable=3 written=3 end=3
c4: orders/0 start=0 hw=3: 0=a..(300) 1=b..(100) 2=c..(100)
c1: orders/0 KAFKA_STORAGE_ERROR
c5: orders/0 start=3
orders/0 start=3 hw=3 durable=3 written=3 end=3
