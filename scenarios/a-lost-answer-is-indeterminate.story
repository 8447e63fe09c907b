# The broker dies between the append and the answer. The client cannot know; sending again with the same sequence is safe.

node seed=18 config=tiny
topic orders
init-producer
produce orders/0 a seq=0
fault stall after=1 for=5s
produce orders/0 b seq=1 wait=no
run 100ms
crash
start
produce orders/0 b seq=1
fetch orders/0
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: connection lost, outcome unknown
c1: orders/0 offset=1
c1: orders/0 start=0 hw=2: 0=a 1=b
