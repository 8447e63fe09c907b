# A connection breaks while a produce is under way. The record may be there; whether it is, a reader can see.

node seed=30 config=tiny
topic orders
produce orders/0 a wait=no
fault reset
run 1s
fetch orders/0 client=c2
----
c1: created orders partitions=1
c1: connection lost, outcome unknown
c2: orders/0 start=0 hw=1: 0=a
