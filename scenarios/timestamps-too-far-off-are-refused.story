# message.timestamp.before.max.ms refuses records that claim to be older than that.

node seed=32 config=tiny
topic orders message.timestamp.before.max.ms=3600000
produce orders/0 a age=30m
produce orders/0 b age=2h
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 INVALID_TIMESTAMP
c1: orders/0 start=0 hw=1: 0=a
