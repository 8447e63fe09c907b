# Without the checkpoint of log starts deleted records would come back: a node that cannot read it does not start.

node seed=62 config=tiny
topic orders
produce orders/0 a b c
delete-records orders/0 before=2
crash
fault bit-flip on=log-starts
start
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 start=2
node 1 is down: Refused("log-start-offset-checkpoint: not text. Without it deleted records would come back. Restore it, or remove it to accept that")
