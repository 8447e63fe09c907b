# A new node gives out a producer id, and loses power before it has any topic. What it gave out is never given to anybody else: the
# metadata log, its directory and the names above it are on the disk before the first answer.

node seed=70 config=tiny
init-producer
power-loss
start
init-producer client=c2
----
c1: producer id=0 epoch=0
c2: producer id=1000 epoch=0
