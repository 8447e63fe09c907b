# A topic stores otherwise than its producer compresses, so that what is stored has another size than what was sent. A fetch waits for stored
# bytes: the first is answered when they are there although less was sent, the second waits on although more was sent.

node config=default
topic loose compression.type=uncompressed
topic tight compression.type=gzip
fetch loose/0 min-bytes=300 max-wait=10s client=a wait=no
produce loose/0 x size=600 codec=gzip
run 1s
fetch tight/0 min-bytes=300 max-wait=10s client=b wait=no
produce tight/0 y size=600
run 1s
files tight/0
run 10s
----
c1: created loose partitions=1
c1: created tight partitions=1
c1: loose/0 offset=0
a: loose/0 start=0 hw=1: 0=x..(600)
c1: tight/0 offset=0
00000000000000000000.log 98
leader-epoch-checkpoint 8
partition.metadata 43
b: tight/0 start=0 hw=1: 0=y..(600)
