# Nothing is compacted yet, so a gap in a topic that is to be compacted is what it is anywhere else. The fsync of the first segment is slow, that of the
# second one is not, and power is lost between the two: what follows the hole was promised to nobody, and goes. The producer sends both again.

node seed=1 config=tiny
topic orders cleanup.policy=compact
init-producer
produce orders/0 a key=k1 size=300 seq=0
fault stall on=log in=orders/0 after=1 for=10s
produce orders/0 b key=k2 size=300 seq=1 wait=no
produce orders/0 c key=k3 size=300 seq=2 wait=no
run 1s
power-loss lose=unsynced
start
files orders/0
ends orders/0
producers orders/0
fetch orders/0
produce orders/0 b key=k2 size=300 seq=1
produce orders/0 c key=k3 size=300 seq=2
fetch orders/0
fetch orders/0 from=2
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: connection lost, outcome unknown
c1: connection lost, outcome unknown
00000000000000000000.log 372
leader-epoch-checkpoint 8
partition.metadata 43
orders/0 start=0 hw=1 durable=1 written=1 end=1
c1: id=0 epoch=0 last-seq=0
c1: orders/0 start=0 hw=1: 0=a..(300)
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 start=0 hw=3: 0=a..(300) 1=b..(300)
c1: orders/0 start=0 hw=3: 2=c..(300)
