# Damage in the middle of what was durable takes a log offline, and nothing is cut. What the checkpoints say of it stays while it is offline:
# the second start and the third see the same damage, and not a torn tail.

node seed=2 config=tiny
topic orders
topic other
produce orders/0 a
produce orders/0 b
produce orders/0 c
produce orders/0 d
produce orders/0 e
produce other/0 z
run 5m
crash
fault bit-flip on=log
start
fetch orders/0
produce other/0 y
run 2m
shutdown
start
fetch orders/0
crash
start
ends orders/0
fetch orders/0
files orders/0
----
