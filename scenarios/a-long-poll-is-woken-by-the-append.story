# A fetch that waits for data is answered by the append that brings it, or when max-wait has passed, to the millisecond.

node seed=24 config=tiny
topic orders
fetch orders/0 max-wait=10s wait=no
run 2s
produce orders/0 a client=c2
await
fetch orders/0 from=1 max-wait=500ms
----
c1: created orders partitions=1
c2: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=a
c1: orders/0 start=0 hw=1: nothing
