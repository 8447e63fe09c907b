# The directory of a new partition cannot be made: what was asked of it together with it fails, too, and all of it is tried again.

node seed=12 config=tiny
fault name-error on=meta
topic orders
run 2s
produce orders/0 a
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=a
