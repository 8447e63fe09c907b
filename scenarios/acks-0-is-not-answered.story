# acks=0: the broker never answers, so nobody knows what became of the record. It is appended like any other, and readers see it when it is on
# the disk; what kill -9 or a power loss takes before that, nobody was promised.

node seed=99 config=tiny
topic orders
produce orders/0 a acks=0
run 200ms
fetch orders/0
fault stall after=1 for=5s
produce orders/0 b acks=0
power-loss lose=unsynced
start
fetch orders/0
----
c1: created orders partitions=1
c1: sent
c1: orders/0 start=0 hw=1: 0=a
c1: sent
c1: orders/0 start=0 hw=1: 0=a
