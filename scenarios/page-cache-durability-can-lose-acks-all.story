# ottla.durability=page-cache is Kafka's own bargain: acks=all on one broker means written, not synced.
# The same events as in acks-all-survives-power-loss.story now lose the record.

node seed=4 config=tiny
topic orders ottla.durability=page-cache
produce orders/0 a b acks=all
ends orders/0
power-loss lose=unsynced
start
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
orders/0 start=0 hw=2 durable=0 written=2 end=2
c1: orders/0 start=0 hw=0: nothing
