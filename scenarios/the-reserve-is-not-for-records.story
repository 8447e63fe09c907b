# The disk is full, and its reserve is given up so that a log start can be written down. Records are refused until the reserve is kept again,
# and so the topic that fills the disk can be deleted.

node seed=1 config=tiny ottla.reserve.bytes=4000
topic orders
topic other
produce orders/0 a size=300
produce orders/0 b size=300
produce orders/0 c size=300
run 1m
fault disk-full bytes=0 for=10h
delete-records other/0 before=0 wait=no client=c9
topic third wait=no client=c2
run 2s
produce other/0 x1 size=300 client=c3 timeout=1s
produce other/0 x2 size=300 client=c3 timeout=1s
run 10s
delete-topic orders client=c4
run 2m
directories
produce other/0 x3 size=300 client=c3 timeout=1s
----
c1: created orders partitions=1
c1: created other partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c9: other/0 start=0
c2: created third partitions=1
c3: other/0 KAFKA_STORAGE_ERROR
c3: other/0 KAFKA_STORAGE_ERROR
c4: deleted
__cluster_metadata-0 1239
other-0 0
third-0 0
c3: other/0 offset=0
