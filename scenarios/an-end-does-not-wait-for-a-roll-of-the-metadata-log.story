# The disk is full when the metadata log begins its next segment, and there is no reserve. An orderly end does not wait for that either.

node seed=1 config=tiny ottla.reserve.bytes=0
topic orders
produce orders/0 a
fault disk-full bytes=0 for=40s
topic more wait=no
run 1m
fault disk-full bytes=0 for=1h
topic another wait=no
run 2s
shutdown
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: more REQUEST_TIMED_OUT
c1: another REQUEST_TIMED_OUT
