# max.message.bytes bounds a batch; a change takes effect at once.

node seed=31 config=tiny
topic orders
produce orders/0 a size=700
configure orders max.message.bytes=2000
produce orders/0 a size=700
configure orders max.message.bytes=100
produce orders/0 b size=700
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 MESSAGE_TOO_LARGE
c1: NONE
c1: orders/0 offset=0
c1: NONE
c1: orders/0 MESSAGE_TOO_LARGE
c1: orders/0 start=0 hw=1: 0=a..(700)
