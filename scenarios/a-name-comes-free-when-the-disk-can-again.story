# A deleted partition's directory cannot be renamed. That is tried again, so a topic of the same name need not wait for the next start.

node seed=1 config=tiny
topic orders
run 1s
produce orders/0 a acks=all
fault name-error on=meta
delete-topic orders
topic orders
run 10s
directories
produce orders/0 b acks=all
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: deleted
c1: created orders partitions=1
__cluster_metadata-0 1072
orders-0 0
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=b
