# SIGTERM makes everything durable, also what page-cache durability had not synced, and leaves the marker of a clean end.

node seed=27 config=tiny
topic orders ottla.durability=page-cache
produce orders/0 a b
ends orders/0
shutdown
power-loss lose=unsynced
start
ends orders/0
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
orders/0 start=0 hw=2 durable=0 written=2 end=2
orders/0 start=0 hw=2 durable=2 written=2 end=2
c1: orders/0 start=0 hw=2: 0=a 1=b
