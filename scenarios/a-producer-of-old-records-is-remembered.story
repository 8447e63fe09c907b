# An idempotent producer copies records that are two days old. It is remembered by when it was last heard of, not by what its records
# say (KAFKA-9144): a retry is recognised though producer.id.expiration.ms is one day.

node seed=72 config=tiny
topic orders
init-producer
produce orders/0 a seq=0 age=2d
run 3s
produce orders/0 a seq=0 age=2d
fetch orders/0
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=a
