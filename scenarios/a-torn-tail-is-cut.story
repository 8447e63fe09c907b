# A power loss tears the last batch, which nobody was promised. Recovery cuts it; the next record takes its offset.

node seed=42 config=tiny
topic orders
produce orders/0 kept
fault stall after=1 for=5s
produce orders/0 torn acks=1 size=400
power-loss lose=any
start
fetch orders/0
produce orders/0 next
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 start=0 hw=1: 0=kept
c1: orders/0 offset=1
c1: orders/0 start=0 hw=2: 0=kept 1=next
