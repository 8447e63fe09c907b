# Damage in the middle of what was durable takes a log offline, and nothing is cut. What the checkpoints say of it stays while it is offline:
# the second start and the third see the same damage, and not a torn tail.

node seed=2 config=tiny
topic orders
topic other
produce orders/0 a
produce orders/0 b
produce orders/0 c
produce orders/0 d
produce orders/0 e
produce other/0 z
run 5m
crash
fault bit-flip on=log
start
fetch orders/0
produce other/0 y
run 2m
shutdown
start
fetch orders/0
crash
start
ends orders/0
fetch orders/0
files orders/0
----
c1: created orders partitions=1
c1: created other partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
c1: other/0 offset=0
c1: orders/0 KAFKA_STORAGE_ERROR
c1: other/0 offset=1
c1: orders/0 KAFKA_STORAGE_ERROR
orders/0 start=0 hw=0 durable=0 written=2 end=2
c1: orders/0 KAFKA_STORAGE_ERROR
00000000000000000000.log 345
leader-epoch-checkpoint 8
partition.metadata 43
