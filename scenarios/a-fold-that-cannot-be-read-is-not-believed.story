# A read error that passes strikes a start where it folds the producers of a log over its batches: the log is offline for that life, and who
# sends again what is there already is known at the next one.

node seed=1 config=tiny
topic orders
init-producer
produce orders/0 a seq=0
crash
fault read-error on=log in=orders/0 after=1
start
produce orders/0 a seq=0
crash
start
produce orders/0 a seq=0
fetch orders/0
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 KAFKA_STORAGE_ERROR
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=a
