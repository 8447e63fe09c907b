# The fsync of the metadata log fails, the broker ends itself, and whoever watches over the process starts it again: every reader still sees
# bytes that the disk never took. The next life writes them again before it promises anything. (Whether the machine is restarted instead is
# drawn from the seed.)

node seed=1 config=tiny
topic a
fault sync-error on=log
topic b wait=no
run 3s
topic c
produce a/0 x
produce b/0 y
produce c/0 z
power-loss lose=unsynced
start
fetch a/0
fetch b/0
fetch c/0
----
c1: created a partitions=1
c1: connection lost, outcome unknown
c1: created c partitions=1
c1: a/0 offset=0
c1: b/0 offset=0
c1: c/0 offset=0
c1: a/0 start=0 hw=1: 0=x
c1: b/0 start=0 hw=1: 0=y
c1: c/0 start=0 hw=1: 0=z
