# A client that was told of a leader epoch can ask where it ends (KIP-320): where the next one with records begins, or where the log
# ends; also of one in which nothing was appended yet (KAFKA-7415). One of the future is unknown. A crash forgets none.
# When all records are deleted, nothing is left of the epochs that had some.

node seed=68 config=tiny
topic orders
epoch-end orders/0 epoch=0
produce orders/0 a b
epoch-end orders/0 epoch=0
epoch-end orders/0 epoch=1
crash
start
epoch-end orders/0 epoch=0
run 2s
files orders/0
crash
start
epoch-end orders/0 epoch=0
epoch-end orders/0 epoch=1
delete-records orders/0 before=2
epoch-end orders/0 epoch=0
epoch-end orders/0 epoch=1
epoch-end orders/0 epoch=2
----
c1: created orders partitions=1
c1: orders/0 epoch=0 end=0
c1: orders/0 offset=0
c1: orders/0 epoch=0 end=2
c1: orders/0 epoch=-1 end=-1
c1: orders/0 epoch=0 end=2
00000000000000000000.log 77
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 epoch=0 end=2
c1: orders/0 epoch=0 end=2
c1: orders/0 start=2
c1: orders/0 epoch=0 end=2
c1: orders/0 epoch=1 end=2
c1: orders/0 epoch=2 end=2
