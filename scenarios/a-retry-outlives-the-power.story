# An idempotent producer sends on through a kill -9 and a power loss that keeps any part of what no fsync covered: each record is there once.

world seed=7 keeps=any+garbage+shorn keeps-names=any
topic orders
producer p idempotent=yes in-flight=5
consumer c
at 20ms produce orders/0
at 30ms crash down=50ms
at 30ms produce orders/0 records=2
at 100ms produce orders/0
at 100ms power-loss
at 101ms produce orders/0
play
----
t=0.004 admin: create orders partitions=1: done
t=0.020 p: #1 to orders/0: offset 0
t=0.030 node 1 crashes
t=0.080 node 1 starts, life 2
t=0.100 node 1 loses power
t=0.200 node 1 starts, life 3
t=0.206 c: reads orders/0 from 0: 0=#1, high watermark 1
t=0.246 c: reads orders/0 from 1: 1=#2, high watermark 3
t=0.246 p: #2 to orders/0, 2 records: offset 1 after 6 attempts
t=0.246 p: #3 to orders/0: offset 3 after 2 attempts
t=0.246 p: #4 to orders/0: offset 4 after 2 attempts
t=0.328 c: reads orders/0 from 3: 3=#3 4=#4, high watermark 5
t=1.004 heal: no more faults
t=1.005 probe: #5 to orders/0: offset 5
t=1.106 reader: reads orders/0 from 0: 0=#1 1=#2 3=#3 4=#4 5=#5, high watermark 6
held: 5 acknowledged, 11 records read, 3 starts
