# A topic rests on the page cache: flush.messages bounds what a power loss takes, also while the next segment has no space.

node seed=1 config=tiny
topic orders ottla.durability=page-cache flush.messages=1
produce orders/0 a size=300
run 1s
fault stall on=log after=1 for=2s
produce orders/0 b size=100 wait=no
produce orders/0 c size=100 wait=no
run 10ms
fault disk-full bytes=0 for=1h
produce orders/0 d size=400 wait=no client=c3
run 10s
power-loss
start
run 1h
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c3: orders/0 NOT_ENOUGH_REPLICAS_AFTER_APPEND
c1: orders/0 start=0 hw=3: 0=a..(300) 1=b..(100) 2=c..(100)
