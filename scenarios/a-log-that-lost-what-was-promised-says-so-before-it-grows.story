# A drive drops a sector, and a recovery point is written above it. What is lost is reported, and the log may go on behind what is left;
# but first the recovery point is taken back: the next life would take what lies below it for durable.

world keeps=everything keeps-names=everything log.flush.offset.checkpoint.interval.ms=100
topic t0
producer p
consumer c
at 20ms produce t0/0
at 30ms produce t0/0
at 35ms phantom-write on=log
at 40ms produce t0/0
at 400ms power-loss
at 515ms sync-error on=log
at 520ms produce t0/0
at 523ms crash
play
----
t=0.004 admin: create t0 partitions=1: done
t=0.021 p: #1 to t0/0: offset 0
t=0.030 p: #2 to t0/0: offset 1
t=0.041 phantom-write strikes
t=0.041 p: #3 to t0/0: offset 2
t=0.167 c: reads t0/0 from 0: 0=#1 1=#2 2=#3, high watermark 3
t=0.400 node 1 loses power
t=0.500 node 1 starts, life 2
t=0.520 sync-error strikes
t=0.523 node 1 crashes
t=0.623 node 1 starts, life 3
t=0.659 p: #4 to t0/0: offset 3 after 4 attempts
t=0.800 c: reads t0/0 from 3: 3=#4, high watermark 4
t=1.004 heal: no more faults
t=6.004 node 1 loses power
t=6.004 node 1 starts, life 4
t=6.008 probe: #5 to t0/0: offset 4
t=6.110 reader: reads t0/0 from 0: 0=#1 1=#2 2=#4 4=#5, high watermark 5
held: 5 acknowledged, 9 records read, 4 starts; excused: 1 damaged
