# A topic is deleted, and the process is killed in the midst of the removal of its directory: the log is gone, the directory and something
# in it are not. The next start removes the rest.

node seed=2 config=tiny
topic orders
produce orders/0 a size=100
fault crash-at-call of=names after=3
delete-topic orders
run 1m
directories
start
run 1m
directories
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: deleted
__cluster_metadata-0 903
orders-0.6da3e1e1f2dd41c3beedfad8a50ce46c-delete 0
__cluster_metadata-0 1360
