# What a producer has sent is derived from the log: after a power loss a retry is still recognised, a gap still refused.

node seed=17 config=tiny
topic orders
init-producer
produce orders/0 a seq=0
produce orders/0 b seq=1
power-loss lose=unsynced
start
produce orders/0 b seq=1
produce orders/0 d seq=3
produce orders/0 c seq=2
producers orders/0
fetch orders/0
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=1
c1: orders/0 OUT_OF_ORDER_SEQUENCE_NUMBER
c1: orders/0 offset=2
c1: id=0 epoch=0 last-seq=2
c1: orders/0 start=0 hw=3: 0=a 1=b 2=c
