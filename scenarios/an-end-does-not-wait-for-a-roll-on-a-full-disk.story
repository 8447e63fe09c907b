# The disk is full when a log begins its next segment, so that the failed append cannot even be cleared away. Who waits for it is told that
# it is open what became of it, and an orderly end does not wait. The next start finds what was promised.

node seed=1 config=tiny
topic orders
produce orders/0 a size=300
produce orders/0 b size=300
fault disk-full bytes=0 for=1h
produce orders/0 c size=300 acks=1 wait=no
produce orders/0 d size=300 client=c2 wait=no
run 3s
shutdown
start
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 NOT_ENOUGH_REPLICAS_AFTER_APPEND
c2: orders/0 KAFKA_STORAGE_ERROR
c1: orders/0 start=0 hw=2: 0=a..(300) 1=b..(300)
