# ottla.durability=page-cache is the broker's: an answer rests on the page cache in every topic that does not say otherwise, also in those that
# an operator makes. One with ottla.durability=fsync owes what it promised.

world seed=1 ottla.durability=page-cache
topic orders
topic payments ottla.durability=fsync
producer p batches=20 think=5ms
operator o operations=100 think=1ms
at 60ms power-loss
play
----
t=0.004 admin: create orders partitions=1: done
t=0.005 admin: create payments partitions=1: done
t=0.006 p: #1 to orders/0: offset 0
t=0.015 p: #2 to orders/0: offset 1
t=0.015 p: #3 to payments/0: offset 0
t=0.022 p: #4 to orders/0: offset 2
t=0.028 p: #5 to orders/0: offset 3
t=0.034 p: #6 to payments/0: offset 1
t=0.036 p: #7 to orders/0: offset 4
t=0.038 p: #8 to orders/0: offset 5
t=0.041 p: #9 to orders/0: offset 6
t=0.049 p: #10 to orders/0: offset 7
t=0.051 p: #11 to orders/0: offset 8
t=0.055 p: #12 to payments/0: offset 2
t=0.060 node 1 loses power
t=0.160 node 1 starts, life 2
t=0.226 p: #13 to payments/0: offset 3 after 2 attempts
t=0.227 p: #14 to payments/0: offset 4
t=0.231 p: #15 to payments/0: offset 5
t=0.235 p: #16 to payments/0: offset 6
t=0.239 p: #17 to orders/0: offset 0
t=0.245 p: #18 to payments/0: offset 7
t=0.245 p: #19 to orders/0: offset 1
t=0.251 p: #20 to orders/0: offset 2
t=0.258 p: #21 to orders/0: offset 3
t=0.258 p: #22 to payments/0: offset 8
t=0.264 p: #23 to orders/0: offset 4
t=1.005 heal: no more faults
t=1.006 probe: #24 to orders/0: offset 5
t=1.007 probe: #25 to payments/0: offset 9
t=1.108 reader: reads orders/0 from 0: 0=#17 1=#19 2=#20 3=#21 4=#23 5=#24, high watermark 6
t=1.108 reader: reads payments/0 from 0: 0=#3 1=#6 2=#12 3=#13 4=#14 5=#15 6=#16 7=#18 8=#22, high watermark 10
t=1.109 reader: reads payments/0 from 9: 9=#25, high watermark 10
held: 25 acknowledged, 16 records read, 2 starts; excused: 9 power-lost-unsynced
