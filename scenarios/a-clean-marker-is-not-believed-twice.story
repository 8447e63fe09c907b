# The marker of a clean end is removed before anything is appended. A crash after that is an unclean start.

node seed=29 config=tiny
topic orders
produce orders/0 a
shutdown
start
fault stall after=1 for=5s
produce orders/0 torn acks=1 size=400
power-loss lose=any
start
fetch orders/0
produce orders/0 b
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 start=0 hw=1: 0=a
c1: orders/0 offset=1
c1: orders/0 start=0 hw=2: 0=a 1=b
