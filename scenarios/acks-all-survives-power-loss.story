# A record acknowledged with acks=all is on the disk: a power loss that takes everything unsynced takes none of it.

node seed=1 config=tiny
topic orders
produce orders/0 a b acks=all
power-loss lose=unsynced
start
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 start=0 hw=2: 0=a 1=b
