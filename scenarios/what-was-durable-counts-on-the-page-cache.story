# Records are acknowledged after their fsync. Then the topic is to rest on the page cache, the broker is killed, and a bit turns over. That the records were
# durable is known from the snapshots, which are written behind a sync whatever promises rest on: the damage is fenced, and nothing is cut.

node seed=1 config=tiny
topic orders
produce orders/0 a size=300
produce orders/0 b size=300
produce orders/0 c size=300
produce orders/0 d size=300
produce orders/0 e size=300
configure orders ottla.durability=page-cache
run 200ms
crash
fault bit-flip on=log in=orders/0
files orders/0
start
ends orders/0
files orders/0
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
c1: NONE
00000000000000000000.index 8
00000000000000000000.log 740
00000000000000000000.timeindex 12
00000000000000000002.index 8
00000000000000000002.log 740
00000000000000000002.snapshot 18
00000000000000000002.timeindex 12
00000000000000000004.log 370
00000000000000000004.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
orders/0 start=0 hw=3 durable=0 written=3 end=3
00000000000000000000.index 8
00000000000000000000.log 740
00000000000000000000.timeindex 12
00000000000000000002.index 8
00000000000000000002.log 740
00000000000000000002.snapshot 18
00000000000000000002.timeindex 12
00000000000000000004.log 370
00000000000000000004.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 KAFKA_STORAGE_ERROR
