# DeleteRecords moves the log start into the middle of a producer's last batch. A start after a crash folds the producers from the log: the
# batch that holds the log start begins before it, and counts. A retry of the batch is a duplicate, not three new records.

node seed=97 config=tiny
topic orders
init-producer
produce orders/0 a b c seq=0
delete-records orders/0 before=2
crash
start
produce orders/0 a b c seq=0
produce orders/0 d seq=3
fetch orders/0 from=2
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 start=2
c1: orders/0 offset=0
c1: orders/0 offset=3
c1: orders/0 start=2 hw=4: 2=c 3=d
