# The wall clock jumps back half an hour. Offsets still grow, and a lookup by time finds the first record that is late enough.

node seed=26 config=tiny
topic orders
produce orders/0 a age=3h
produce orders/0 b age=1h
fault clock-jump by=-30m
produce orders/0 c
offsets orders/0 at=2h
offsets orders/0 at=max
offsets orders/0 at=latest
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
