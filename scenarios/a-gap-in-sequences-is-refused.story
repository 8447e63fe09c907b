# A batch that skips a sequence number must not be appended: the missing one is still on its way.

node seed=15 config=tiny
topic orders
init-producer
produce orders/0 a seq=0
produce orders/0 c seq=2
produce orders/0 b seq=1
produce orders/0 c seq=2
fetch orders/0
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 OUT_OF_ORDER_SEQUENCE_NUMBER
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 start=0 hw=3: 0=a 1=b 2=c
