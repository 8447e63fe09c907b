# A log has lost its last batch, of which a snapshot of the producers speaks. Kept, it would be believed as soon as the log has grown
# past it, and the retry of the lost batch would be taken for a duplicate.

node seed=66 config=tiny
topic orders
init-producer
produce orders/0 a seq=0
produce orders/0 b seq=1
shutdown
start
crash
cut-out orders/0 offset=1
start
produce orders/0 other client=c2
crash
start
produce orders/0 b seq=1
fetch orders/0
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c2: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 start=0 hw=3: 0=a 1=other 2=b
