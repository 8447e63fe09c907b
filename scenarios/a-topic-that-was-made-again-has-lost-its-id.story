# A topic that was deleted and made again loses its topic id while the broker is down. What is left of it is neither served nor removed: a
# recovery point beside a new directory is its own, since the directory of the deleted topic is made room for only when no checkpoint
# names it.

node seed=3 config=tiny log.flush.offset.checkpoint.interval.ms=100
topic orders
run 300ms
delete-topic orders
run 1s
topic orders
produce orders/0 x
run 2s
produce orders/0 y
run 2s
directories
crash
fault lost-file on=partition-metadata in=orders/0
start
run 2s
fetch orders/0 from=0
produce orders/0 z
directories
----
c1: created orders partitions=1
c1: deleted
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
__cluster_metadata-0 1072
orders-0 138
c1: orders/0 KAFKA_STORAGE_ERROR
c1: orders/0 KAFKA_STORAGE_ERROR
__cluster_metadata-0 1627
orders-0 138
