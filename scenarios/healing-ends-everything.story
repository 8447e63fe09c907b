# Faults end, and with them what they have begun: a disk call that would be held up for ten minutes ends as any other one does.

world seed=1
topic orders
producer p batches=5
at 1ms stall on=any for=10m
play
----
t=0.004 admin: create orders partitions=1: done
t=0.004 stall strikes
t=1.004 heal: no more faults
t=1.007 p: #1 to orders/0: offset 0
t=1.008 probe: #2 to orders/0: offset 1
t=1.109 reader: reads orders/0 from 0: 0=#1 1=#2, high watermark 2
held: 2 acknowledged, 2 records read, 1 starts
