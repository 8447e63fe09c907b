# A full disk refuses writes with a retriable error. Reads and metadata go on, and writes resume by themselves.

node seed=12 config=tiny
topic orders
produce orders/0 a
fault disk-full bytes=0 for=30s
produce orders/0 b size=300
fetch orders/0
run 60s
produce orders/0 c
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 KAFKA_STORAGE_ERROR
c1: orders/0 start=0 hw=1: 0=a
c1: orders/0 offset=1
c1: orders/0 start=0 hw=2: 0=a 1=c
