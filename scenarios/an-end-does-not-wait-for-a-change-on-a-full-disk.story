# The disk is full, and a topic is being created. An orderly end does not wait until there is space: whoever asked for the topic is told
# that it took too long, and whoever waits behind it is answered.

node seed=1 config=tiny ottla.reserve.bytes=0
topic orders
produce orders/0 a
fault disk-full bytes=0 for=1h
topic more wait=no
fetch orders/0 wait=no
init-producer client=c2
run 5s
shutdown
----
c1: created orders partitions=1
c1: orders/0 offset=0
c2: COORDINATOR_LOAD_IN_PROGRESS
c1: more REQUEST_TIMED_OUT
c1: orders/0 start=0 hw=1: 0=a
