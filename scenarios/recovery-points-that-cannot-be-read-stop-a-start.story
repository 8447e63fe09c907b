# The recovery points cannot be read at a start, by an error that passes. They say what is durable, and no life may go on without them that
# leaves them for the next one: the broker says what to do, and starts when they can be read.

node seed=1 config=tiny log.flush.offset.checkpoint.interval.ms=100
topic orders
produce orders/0 a
run 1s
crash
fault read-error on=recovery-points
start
start
fetch orders/0
produce orders/0 b
----
c1: created orders partitions=1
c1: orders/0 offset=0
node 1 is down: Refused("recovery-point-offset-checkpoint: Io. Start again; if it stays so, repair the disk, or remove the file: then everything is looked at, and nothing tells a torn end of a log from damage in it")
c1: orders/0 start=0 hw=1: 0=a
c1: orders/0 offset=1
