# Producer ids are handed out in blocks, and each block is written down first. Where the disk has no space for that, whoever asks for
# an id is told to ask again later.

node seed=12 config=tiny ottla.reserve.bytes=0
topic orders
produce orders/0 a
fault disk-full bytes=0 for=20s
topic more wait=no
run 2s
init-producer client=c2
fetch orders/0
run 60s
await
init-producer
produce orders/0 b seq=0
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c2: COORDINATOR_LOAD_IN_PROGRESS
c1: orders/0 start=0 hw=1: 0=a
c1: created more partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=1
c1: orders/0 start=0 hw=2: 0=a 1=b
