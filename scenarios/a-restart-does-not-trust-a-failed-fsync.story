# An fsync fails, and the process dies: every reader still sees bytes that the disk never took, and a later fsync would succeed
# without writing them. The next life writes them again before it promises anything.

node seed=11 config=tiny
topic orders
produce orders/0 a
fault sync-error
produce orders/0 b
crash
start
fetch orders/0
produce orders/0 c
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 NOT_ENOUGH_REPLICAS_AFTER_APPEND
c1: orders/0 start=0 hw=2: 0=a 1=b
c1: orders/0 offset=2

# What was read, and what was acknowledged behind it, survives.
power-loss lose=unsynced
start
fetch orders/0
----
c1: orders/0 start=0 hw=3: 0=a 1=b 2=c
