# A write that ends early leaves a part of a batch behind. It is cut off before anything else is appended.

node seed=11 config=tiny
topic orders
produce orders/0 a
fault no-space
produce orders/0 b
run 10s
produce orders/0 c
fetch orders/0
crash
start
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 KAFKA_STORAGE_ERROR
c1: orders/0 offset=1
c1: orders/0 start=0 hw=2: 0=a 1=c
c1: orders/0 start=0 hw=2: 0=a 1=c
