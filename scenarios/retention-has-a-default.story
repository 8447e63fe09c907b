# Nobody said how long records are kept: seven days, as in Kafka. What is older goes, by the node's clock; and what is not, stays.

node seed=1
topic orders
produce orders/0 a
run 6d
produce orders/0 b
offsets orders/0 at=earliest
run 8d
produce orders/0 c
run 1h
fetch orders/0 from=0
offsets orders/0 at=earliest
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=0
c1: orders/0 offset=2
c1: orders/0 OFFSET_OUT_OF_RANGE
c1: orders/0 offset=2
