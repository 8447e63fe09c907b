# Delete a topic, create one of the same name: the old records do not come back, not even after a power loss in between.

node seed=23 config=tiny
topic orders
produce orders/0 old
delete-topic orders
topic orders
fetch orders/0
power-loss lose=any
start
fetch orders/0
produce orders/0 new
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: deleted
c1: created orders partitions=1
c1: orders/0 start=0 hw=0: nothing
c1: orders/0 start=0 hw=0: nothing
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=new
