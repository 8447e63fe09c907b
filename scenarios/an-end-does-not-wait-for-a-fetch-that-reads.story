# A fetch reads the disk when the end is asked for. It is answered with what it found: it does not wait for more, and the end not for it.

node seed=1 config=tiny
topic orders
produce orders/0 a
shutdown
start
fault stall on=log for=2s
fetch orders/0 from=0 max-wait=1000s min-bytes=100000 wait=no
run 1s
shutdown
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=a
