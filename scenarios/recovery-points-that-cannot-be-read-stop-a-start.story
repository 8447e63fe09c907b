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
