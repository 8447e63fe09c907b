# The disk is full when the broker starts, and nothing is kept for that. A full disk is a state: the start waits, and goes on by itself.

node seed=1 config=tiny ottla.reserve.bytes=0
topic orders
produce orders/0 a
fault disk-full bytes=0 for=5m
crash
start
fetch orders/0 wait=no
run 4m
run 2m
produce orders/0 b
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=a
c1: orders/0 offset=1
