# An idempotent producer is silent for longer than producer.id.expiration.ms: the broker forgets it, as Kafka does, and takes a repetition
# for something new (KIP-360). One that is silent for less is remembered.

node seed=1
topic orders
init-producer
produce orders/0 a seq=0
run 23h
produce orders/0 a seq=0
run 30h
produce orders/0 a seq=0
fetch orders/0
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 start=0 hw=2: 0=a 1=a
