# An fsync that failed may have dropped the pages: a second one would succeed and mean nothing.
# The log goes offline; nothing is promised on a retry.

node seed=10 config=tiny
topic orders
produce orders/0 a
fault sync-error
produce orders/0 b
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 NOT_ENOUGH_REPLICAS_AFTER_APPEND

produce orders/0 c
fetch orders/0
----
c1: orders/0 KAFKA_STORAGE_ERROR
c1: orders/0 KAFKA_STORAGE_ERROR

# After a restart the disk says what is there.
power-loss lose=unsynced
start
fetch orders/0
produce orders/0 d
----
c1: orders/0 start=0 hw=1: 0=a
c1: orders/0 offset=1
