# The disk is full when the broker starts. The reserve, which an earlier life filled, is there for what a start must write; so what is
# there can be read, and deleted.

node seed=1 config=tiny
topic orders
produce orders/0 a
run 1s
fault disk-full bytes=0 for=1h
crash
start
fetch orders/0
run 5m
delete-topic orders
run 2h
topic more
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=a
c1: deleted
c1: created more partitions=1
