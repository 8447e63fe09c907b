# A client names the leader epoch that it believes in (KIP-320). If that is of the future, this leader is behind, and says so.

node seed=69 config=tiny
topic orders
produce orders/0 a
fetch orders/0 epoch=0
fetch orders/0 epoch=1
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=a
c1: orders/0 UNKNOWN_LEADER_EPOCH
