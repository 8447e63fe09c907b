# A bit of a segment turns over while the broker is down. The checksum says so: the good records behind it are not thrown
# away, and the damaged one is not handed out as if it were good.

node seed=44 config=tiny
topic orders
produce orders/0 a size=300
produce orders/0 b size=300
produce orders/0 c size=300
crash
fault bit-flip on=log
start
fetch orders/0
produce orders/0 d
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 KAFKA_STORAGE_ERROR
c1: orders/0 KAFKA_STORAGE_ERROR
