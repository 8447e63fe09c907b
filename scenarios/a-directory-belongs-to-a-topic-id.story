# A topic is deleted and made again while its directory is being renamed; power is lost before the new name is on the disk. The old
# directory is back under the name of the new topic, and is not taken for its own.

node seed=61 config=tiny
topic orders
produce orders/0 old
fault stall on=meta for=20s
delete-topic orders
topic orders
power-loss
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
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=new
