# kill -9 loses nothing that was written: the page cache belongs to the kernel. So acks=1 survives it even before the fsync.

node seed=3 config=tiny
topic orders
fault stall after=1 for=5s
produce orders/0 a acks=1
crash
start
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=a
