# A disk that passes over an error: a log that cannot be read at a start is offline for that life, keeps everything, and is whole at the
# next start.

node seed=1 config=tiny
topic orders
produce orders/0 a
crash
fault read-error on=log after=4
start
fetch orders/0
crash
start
fetch orders/0
produce orders/0 b
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 KAFKA_STORAGE_ERROR
c1: orders/0 start=0 hw=1: 0=a
c1: orders/0 offset=1
