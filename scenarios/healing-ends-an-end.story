# Faults end while a node is about to end in order: it does not stay down for the ten minutes that somebody asked for.

world seed=1 sync=50ms..60ms
topic orders
producer p batches=5
at 980ms produce orders/0
at 999ms shutdown down=10m
play
----
t=0.389 admin: create orders partitions=1: done
t=1.036 p: #1 to orders/0: offset 0
t=1.389 heal: no more faults
t=1.531 node 1 ends: Shutdown
t=2.531 node 1 starts, life 2
t=2.852 p: #2 to orders/0: offset 1 after 35 attempts
t=2.912 probe: #3 to orders/0: offset 2
t=3.013 reader: reads orders/0 from 0: 0=#1 1=#2 2=#3, high watermark 3
held: 3 acknowledged, 3 records read, 2 starts
