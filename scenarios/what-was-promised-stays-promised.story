# A topic whose promises rest on the page cache is to rest on fsync from now on: what was promised stays promised, and is synced at once.

node seed=1 config=tiny
topic orders ottla.durability=page-cache
run 1s
produce orders/0 a b acks=all
ends orders/0
fault stall for=2s
configure orders ottla.durability=fsync
ends orders/0
delete-records orders/0 before=1
produce orders/0 c acks=all timeout=1s
run 3s
ends orders/0
power-loss
start
fetch orders/0 from=1
----
c1: created orders partitions=1
c1: orders/0 offset=0
orders/0 start=0 hw=2 durable=0 written=2 end=2
c1: NONE
orders/0 start=0 hw=2 durable=0 written=2 end=2
c1: orders/0 start=1
c1: orders/0 offset=2
orders/0 start=1 hw=3 durable=3 written=3 end=3
c1: orders/0 start=1 hw=3: 1=b 2=c
