# Records on the page cache are deleted before they are on the disk: they are synced first, because a log start is evidence of what lay below
# it. Then the topic is changed to fsync, and power is lost: the partition is there, and begins where it was told to.

node seed=1 config=tiny
topic orders ottla.durability=page-cache
produce orders/0 a
produce orders/0 b
produce orders/0 c
delete-records orders/0 before=2
configure orders ottla.durability=fsync
power-loss
start
offsets orders/0 at=earliest
produce orders/0 d
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 start=2
c1: NONE
c1: orders/0 offset=2
c1: orders/0 offset=3
