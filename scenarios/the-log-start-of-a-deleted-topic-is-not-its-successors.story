# What a checkpoint says of a deleted topic must not be believed of the next one of its name: here, that six records were deleted. The
# new topic's partition is not made before the checkpoint has forgotten the old one.

node seed=60 config=tiny
topic orders
produce orders/0 a b c d e f
delete-records orders/0 before=6
fault stall on=log-starts for=1m
delete-topic orders
topic orders
produce orders/0 early
crash
start
produce orders/0 new
crash
start
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 start=6
c1: deleted
c1: created orders partitions=1
c1: orders/0 NOT_LEADER_OR_FOLLOWER
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=new
