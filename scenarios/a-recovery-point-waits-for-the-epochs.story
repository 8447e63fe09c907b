# A recovery point says that nothing below it has to be looked at. It is not moved past records whose leader epoch is not in the
# checkpoint on the disk.

node seed=75 config=tiny log.flush.offset.checkpoint.interval.ms=10
topic orders
run 1s
fault stall on=epochs for=2s
produce orders/0 a
run 1s
power-loss
start
epoch-end orders/0 epoch=0
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 epoch=0 end=1
c1: orders/0 start=0 hw=1: 0=a
