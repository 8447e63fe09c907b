# Whole segments are dropped from the start of the log until it is within retention.bytes. Offsets never change.

node seed=20 config=tiny
topic orders retention.bytes=1000
produce orders/0 a size=300
produce orders/0 b size=300
produce orders/0 c size=300
produce orders/0 d size=300
produce orders/0 e size=300
produce orders/0 f size=300
produce orders/0 g size=300
run 9m
ends orders/0
fetch orders/0 from=0
offsets orders/0 at=earliest
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
c1: orders/0 offset=5
c1: orders/0 offset=6
orders/0 start=4 hw=7 durable=7 written=7 end=7
c1: orders/0 OFFSET_OUT_OF_RANGE
c1: orders/0 offset=4
