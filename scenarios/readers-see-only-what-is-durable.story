# The high watermark counts only synced bytes: what a consumer has read, no power loss can take back.

node seed=7 config=tiny
topic orders
fault stall after=1 for=2s
produce orders/0 a acks=1
fetch orders/0
run 3s
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 start=0 hw=0: nothing
c1: orders/0 start=0 hw=1: 0=a
