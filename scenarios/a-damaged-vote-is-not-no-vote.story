# A node that cannot read what it has promised as a voter does not start: a default would be a broken promise.

node seed=60 config=tiny
topic orders
crash
fault bit-flip on=quorum-state
start
----
c1: created orders partitions=1
node 1 is down: Refused("__cluster_metadata-0/quorum-state: leaderEpoch is missing")
