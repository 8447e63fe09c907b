# A snapshot of the producers that cannot be read is passed over, and the batches are read instead: a retry is still recognised.

node seed=69 config=tiny
topic orders
init-producer
produce orders/0 a seq=0
produce orders/0 b seq=1
shutdown
start
crash
fault bit-flip on=snapshot in=orders/0
start
produce orders/0 b seq=1
fetch orders/0
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=1
c1: orders/0 start=0 hw=2: 0=a 1=b
