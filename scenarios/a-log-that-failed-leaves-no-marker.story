# An fsync fails, and the log is offline. The node is stopped in order, and leaves no marker of a clean end: the next start looks at
# everything, and serves what is there.

node seed=73 config=tiny
topic orders
produce orders/0 a
fault sync-error
produce orders/0 b
shutdown
power-loss
start
fetch orders/0
produce orders/0 c
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 NOT_ENOUGH_REPLICAS_AFTER_APPEND
c1: orders/0 start=0 hw=1: 0=a
c1: orders/0 offset=1
c1: orders/0 start=0 hw=2: 0=a 1=c
