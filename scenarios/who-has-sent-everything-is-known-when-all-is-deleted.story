# An idempotent producer's records are all deleted, and the broker is restarted, in order and by a crash: the producer is known, and what it
# sends again is not stored twice.

node seed=1 config=tiny
topic orders
init-producer
produce orders/0 pay seq=0
fetch orders/0 client=c2
delete-records orders/0 before=-1 client=c3
shutdown
start
producers orders/0
produce orders/0 pay seq=0
fetch orders/0 from=1 client=c2
crash
start
produce orders/0 pay seq=0
produce orders/0 more seq=1
delete-records orders/0 before=-1 client=c3
crash
start
produce orders/0 more seq=1
fetch orders/0 from=2 client=c2
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c2: orders/0 start=0 hw=1: 0=pay
c3: orders/0 start=1
c1: id=0 epoch=0 last-seq=0
c1: orders/0 offset=0
c2: orders/0 start=1 hw=1: nothing
c1: orders/0 offset=0
c1: orders/0 offset=1
c3: orders/0 start=2
c1: orders/0 offset=1
c2: orders/0 start=2 hw=2: nothing
