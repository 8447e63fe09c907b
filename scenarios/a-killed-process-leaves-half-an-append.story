# A process is killed in the midst of an append: the kernel has taken a part of it, and the next start cuts that away. What was acknowledged
# before stays, and what was asked for is written once.

node seed=2 config=tiny
topic orders
produce orders/0 a
fault crash-at-call
produce orders/0 b c d wait=no
run 1s
files orders/0
start
fetch orders/0
produce orders/0 b c d
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: connection lost, outcome unknown
00000000000000000000.log 147
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 start=0 hw=1: 0=a
c1: orders/0 offset=1
c1: orders/0 start=0 hw=4: 0=a 1=b 2=c 3=d
