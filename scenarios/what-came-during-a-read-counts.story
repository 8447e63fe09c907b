# A fetch has to read an index before it can answer, and the disk is slow. What becomes visible meanwhile counts for its min-bytes: it is
# answered as soon as there is enough, and does not wait for max-wait.

node seed=74 config=tiny
topic orders
produce orders/0 a size=120
produce orders/0 b size=120
shutdown
start
fault stall on=index for=1s
fetch orders/0 min-bytes=500 max-wait=10s wait=no client=c2
run 10ms
produce orders/0 c size=120
run 3s
run 10s
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c2: orders/0 start=0 hw=3: 0=a..(120) 1=b..(120) 2=c..(120)
