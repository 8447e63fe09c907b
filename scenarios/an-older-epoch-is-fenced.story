# A producer epoch that was superseded cannot append any more.

node seed=16 config=tiny
topic orders
init-producer
produce orders/0 a seq=0 epoch=1
produce orders/0 b seq=0 epoch=0
produce orders/0 c seq=1 epoch=1
fetch orders/0
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 INVALID_PRODUCER_EPOCH
c1: orders/0 offset=1
c1: orders/0 start=0 hw=2: 0=a 1=c
