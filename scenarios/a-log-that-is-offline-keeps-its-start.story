# A batch below the log start is damaged while the broker is down: the partition is offline. Checkpoints go on meanwhile, and what they say of
# it is where it began, not where what is left of it ends: nothing that was deleted comes back with files that are restored.

node seed=1 config=tiny
topic orders
topic other
produce orders/0 a size=100
produce orders/0 b size=100
produce orders/0 c size=100
produce other/0 x
produce other/0 y
delete-records orders/0 before=2
crash
fault bit-flip on=log
start
fetch orders/0 from=2
delete-records other/0 before=1
----
c1: created orders partitions=1
c1: created other partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: other/0 offset=0
c1: other/0 offset=1
c1: orders/0 start=2
c1: orders/0 KAFKA_STORAGE_ERROR
c1: other/0 start=1
