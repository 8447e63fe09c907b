# The directory of a new partition cannot be made, while the disk stands still for its first file. The partition is made again before
# that call ends: its end is none of the second one's.

node seed=1 config=tiny
topic warm
run 1s
fault stall on=log after=2 for=5s
fault name-error on=meta after=0
topic orders wait=no
run 8s
directories
produce orders/0 a acks=all timeout=2s
fetch orders/0
----
c1: created warm partitions=1
c1: created orders partitions=1
__cluster_metadata-0 982
orders-0 0
warm-0 0
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=a
