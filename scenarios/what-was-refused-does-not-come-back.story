# Two appends are under way, the second one in a new segment, when the disk runs full under the first. Both are refused for good: the new
# segment is removed, and nothing is appended before that is on the disk. A power loss brings nothing of it back.

node seed=76 config=tiny
topic orders
produce orders/0 x size=300
fault stall on=log for=1s
offsets orders/0 at=1h wait=no
run 10ms
fault no-space after=2
produce orders/0 a size=300 wait=no client=c2
produce orders/0 b size=400 wait=no client=c3
run 5s
produce orders/0 c
power-loss lose=any
start
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=0
c2: orders/0 KAFKA_STORAGE_ERROR
c3: orders/0 KAFKA_STORAGE_ERROR
c1: orders/0 offset=1
c1: orders/0 start=0 hw=2: 0=x..(300) 1=c
