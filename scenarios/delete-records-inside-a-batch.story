# DeleteRecords may name an offset inside a batch. Readers then start there, and a restart does not bring the records back.

node seed=22 config=tiny
topic orders
produce orders/0 a b c d
delete-records orders/0 before=2
fetch orders/0 from=1
fetch orders/0 from=2
power-loss lose=unsynced
start
offsets orders/0 at=earliest
fetch orders/0 from=2
delete-records orders/0 before=9
delete-records orders/0 before=-1
fetch orders/0 from=4
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 start=2
c1: orders/0 OFFSET_OUT_OF_RANGE
c1: orders/0 start=2 hw=4: 2=c 3=d
c1: orders/0 offset=2
c1: orders/0 start=2 hw=4: 2=c 3=d
c1: orders/0 OFFSET_OUT_OF_RANGE
c1: orders/0 start=4
c1: orders/0 start=4 hw=4: nothing
