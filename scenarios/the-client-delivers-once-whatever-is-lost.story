# The client that `ottla produce` drives sends on through a broken connection, a crash and a power loss. What it was handed is in the
# log once, in the order in which it was handed in, and at the offsets that it told.

world faults-for=2s
topic t0
library p in-flight=5 codec=lz4
at 20ms produce t0/0
at 300ms produce t0/0 records=3
at 300ms reset client=p
at 500ms produce t0/0 records=2
at 500ms crash
at 501ms produce t0/0
at 900ms produce t0/0 records=2
at 900ms power-loss
at 901ms produce t0/0
play
----
t=0.004 admin: create t0 partitions=1: done
t=0.023 p: #1 to t0/0: offset 0
t=0.300 reset: p
t=0.365 p: #2 to t0/0: offset 1 after 2 attempts
t=0.365 p: #3 to t0/0: offset 2 after 2 attempts
t=0.367 p: #4 to t0/0: offset 3 after 2 attempts
t=0.500 node 1 crashes
t=0.600 node 1 starts, life 2
t=0.642 p: #5 to t0/0: offset 4 after 2 attempts
t=0.642 p: #6 to t0/0: offset 5 after 2 attempts
t=0.643 p: #7 to t0/0: offset 6
t=0.900 node 1 loses power
t=1.000 node 1 starts, life 3
t=1.106 p: #8 to t0/0: offset 7 after 2 attempts
t=1.107 p: #9 to t0/0: offset 8 after 2 attempts
t=1.108 p: #10 to t0/0: offset 9
t=2.004 heal: no more faults
t=2.005 probe: #11 to t0/0: offset 10
t=2.106 reader: reads t0/0 from 0: 0=#1 1=#2 2=#3 3=#4 4=#5 5=#6 6=#7 7=#8 8=#9, high watermark 11
t=2.107 reader: reads t0/0 from 9: 9=#10 10=#11, high watermark 11
held: 11 acknowledged, 11 records read, 3 starts
