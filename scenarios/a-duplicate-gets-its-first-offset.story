# An idempotent producer that did not hear the answer sends the batch again: it is not appended twice.

node seed=13 config=tiny
topic orders
init-producer
produce orders/0 a seq=0
produce orders/0 b seq=1
produce orders/0 a seq=0
fetch orders/0
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=0
c1: orders/0 start=0 hw=2: 0=a 1=b
