# With flush.messages=2 every second record makes the broker sync: a power loss takes at most what came after.

node seed=5 config=tiny
topic orders ottla.durability=page-cache flush.messages=2
produce orders/0 a
produce orders/0 b
run 1s
produce orders/0 c
ends orders/0
power-loss lose=unsynced
start
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
orders/0 start=0 hw=3 durable=2 written=3 end=3
c1: orders/0 start=0 hw=2: 0=a 1=b
