# With flush.ms=1000 nothing stays unsynced for longer than about a second.

node seed=6 config=tiny
topic orders ottla.durability=page-cache flush.ms=1000
produce orders/0 a
ends orders/0
run 2s
ends orders/0
power-loss lose=unsynced
start
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
orders/0 start=0 hw=1 durable=0 written=1 end=1
orders/0 start=0 hw=1 durable=1 written=1 end=1
c1: orders/0 start=0 hw=1: 0=a
