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
