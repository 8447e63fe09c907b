# acks=1 is answered when the leader has written the record, before any fsync. A power loss in that window loses it,
# as Kafka's documentation says; the simulator must be able to show that, or it proves nothing where loss is not allowed.

node seed=2 config=tiny
topic orders
produce orders/0 kept acks=all
----
c1: created orders partitions=1
c1: orders/0 offset=0

# The next fsync takes five seconds; the write is acknowledged long before.
fault stall after=1 for=5s
produce orders/0 lost acks=1
ends orders/0
----
c1: orders/0 offset=1
orders/0 start=0 hw=1 durable=1 written=2 end=2

power-loss lose=unsynced
start
fetch orders/0
----
c1: orders/0 start=0 hw=1: 0=kept
