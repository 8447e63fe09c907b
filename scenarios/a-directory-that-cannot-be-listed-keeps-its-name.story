# A start cannot list the directory of a partition, which is offline then. Its topic is deleted, and one of its name is made: the new
# one's records do not come to lie beside the old ones.

node seed=1 config=tiny
topic orders
produce orders/0 old1 size=300
produce orders/0 old2 size=300
produce orders/0 old3 size=300
produce orders/0 old4 size=300
run 1m
shutdown
fault latent-error on=directory
start
fetch orders/0
delete-topic orders
topic orders
run 2s
produce orders/0 new
directories
crash
start
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 NOT_LEADER_OR_FOLLOWER
c1: deleted
c1: created orders partitions=1
c1: orders/0 offset=0
__cluster_metadata-0 1627
orders-0 71
c1: orders/0 start=0 hw=1: 0=new
