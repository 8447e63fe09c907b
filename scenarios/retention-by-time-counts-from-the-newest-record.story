# A segment goes when its newest record is older than retention.ms, by the broker's clock.

node seed=21 config=tiny
topic orders retention.ms=3600000
produce orders/0 old size=400 age=50m
produce orders/0 old size=400 age=50m
produce orders/0 new size=400
run 30m
ends orders/0
run 2h
ends orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
orders/0 start=2 hw=3 durable=3 written=3 end=3
orders/0 start=3 hw=3 durable=3 written=3 end=3
