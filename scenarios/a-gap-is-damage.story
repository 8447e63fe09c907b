# A batch vanishes from the middle of a log; every checksum is right. What is behind the gap is neither served nor thrown away.

node seed=65 config=tiny
topic orders
produce orders/0 a
produce orders/0 b
produce orders/0 c
shutdown
start
crash
cut-out orders/0 offset=1
start
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 KAFKA_STORAGE_ERROR
