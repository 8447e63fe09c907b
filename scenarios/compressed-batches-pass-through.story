# Batches are stored as they came, whatever they are compressed with.

node seed=34 config=tiny
topic orders
produce orders/0 a codec=gzip
produce orders/0 b codec=snappy
produce orders/0 c codec=lz4
produce orders/0 d codec=zstd
power-loss lose=unsynced
start
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 start=0 hw=4: 0=a 1=b 2=c 3=d
