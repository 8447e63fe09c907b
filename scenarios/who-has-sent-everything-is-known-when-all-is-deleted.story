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
