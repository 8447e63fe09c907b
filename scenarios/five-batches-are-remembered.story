# Five batches in flight may all be sent again: each of the last five is recognised, the sixth is not.

node seed=14 config=tiny
topic orders
init-producer
produce orders/0 a seq=0
produce orders/0 b seq=1
produce orders/0 c seq=2
produce orders/0 d seq=3
produce orders/0 e seq=4
produce orders/0 f seq=5
produce orders/0 b seq=1
produce orders/0 a seq=0
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
c1: orders/0 offset=5
c1: orders/0 offset=1
c1: orders/0 OUT_OF_ORDER_SEQUENCE_NUMBER
