# The disk is full when the broker is asked to end, and an epoch is not in its file yet: the end comes all the same, without a marker, and
# the next start looks at everything.

node seed=1 config=tiny
topic orders
run 1s
produce orders/0 a acks=all
crash
start
run 5s
fault disk-full bytes=75 for=1h
produce orders/0 b acks=all
shutdown
start
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 start=0 hw=2: 0=a 1=b
