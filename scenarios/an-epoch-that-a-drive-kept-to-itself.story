# A drive says that it has synced the record that gave a leader epoch, and has not. A power loss takes what was written in that epoch, and nobody
# had been answered: nothing is left that speaks of the epoch, so the next life gives it again. That is the drive's doing, and not the node's.

node seed=3 config=tiny
topic orders
produce orders/0 a
crash
fault phantom-write on=log after=4
start
run 500ms
----
c1: created orders partitions=1
c1: orders/0 offset=0

fault stall after=1 for=5s on=log
produce orders/0 lost acks=0
run 5ms
ends orders/0
power-loss lose=unsynced
----
c1: sent
orders/0 start=0 hw=1 durable=1 written=2 end=2

# Epoch 1 once more.
start
produce orders/0 b
fetch orders/0 epoch=1
fetch orders/0 epoch=2
----
c1: orders/0 offset=1
c1: orders/0 start=0 hw=2: 0=a 1=b
c1: orders/0 UNKNOWN_LEADER_EPOCH
