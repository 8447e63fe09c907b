# The disk stays full after the reserve was given up. The time comes to keep the reserve again, and nobody can; the broker waits until
# something happens, and does not ask the clock without end.

node seed=1 config=tiny
topic orders
produce orders/0 a
fault disk-full bytes=0 for=5m
topic more wait=no
run 5s
topic many partitions=60 wait=no
run 40s
topic others partitions=100 wait=no
run 40s
topic larger partitions=150 wait=no
run 1m
fetch orders/0
run 4m
topic another
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: created more partitions=1
c1: many REQUEST_TIMED_OUT
c1: others KAFKA_STORAGE_ERROR
c1: larger KAFKA_STORAGE_ERROR
c1: orders/0 start=0 hw=1: 0=a
c1: created another partitions=1
