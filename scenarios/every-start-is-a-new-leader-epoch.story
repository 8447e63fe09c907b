# A restart makes a new leader epoch, so that records of different lives of a leader can be told apart (KIP-101).

node seed=33 config=tiny
topic orders
produce orders/0 a
produce orders/0 b
crash
start
produce orders/0 c
epoch-end orders/0 epoch=0
epoch-end orders/0 epoch=1
epoch-end orders/0 epoch=7
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 epoch=0 end=2
c1: orders/0 epoch=1 end=3
c1: orders/0 epoch=-1 end=-1
