# An offset that the log does not have is answered with OFFSET_OUT_OF_RANGE, never with silence or other records.

node seed=25 config=tiny
topic orders
produce orders/0 a
fetch orders/0 from=1
fetch orders/0 from=2
fetch orders/0 from=-5
fetch nothere/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: nothing
c1: orders/0 OFFSET_OUT_OF_RANGE
c1: orders/0 OFFSET_OUT_OF_RANGE
c1: nothere/0 UNKNOWN_TOPIC_OR_PARTITION
