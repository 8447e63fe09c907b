# The file that says whose a partition's directory is gets lost. What the directory holds was promised, as a recovery point says: it is neither
# served nor put aside, and no empty log takes its place.

node seed=1 config=tiny
topic orders
produce orders/0 a
produce orders/0 b
shutdown
fault lost-file on=partition-metadata in=orders/0
start
fetch orders/0
produce orders/0 c
directories
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 KAFKA_STORAGE_ERROR
c1: orders/0 KAFKA_STORAGE_ERROR
__cluster_metadata-0 1370
orders-0 138
