# A sync is under way when the faults end: the fault that was to strike it strikes no more.

world seed=10837 sync=8ms..80ms
topic t0
topic t1 partitions=3
producer producer0 acks=0
at 784ms sync-error on=any
at 800ms produce t0/2 t1/2
at 811ms pause
play
----
t=0.297 admin: create t0 partitions=1: done
t=0.375 admin: create t1 partitions=3: done
t=0.800 producer0: #1 to t0/2: outcome unknown
t=0.800 producer0: #2 to t1/2: outcome unknown
t=0.811 node 1 stands still
t=1.375 heal: no more faults
t=1.375 node 1 goes on
t=1.391 probe: #6 to t1/2: offset 1
t=1.399 probe: #3 to t0/0: offset 0
t=1.404 probe: #4 to t1/0: offset 0
t=1.441 probe: #5 to t1/1: offset 0
t=1.544 reader: reads t0/0 from 0: 0=#3, high watermark 1
t=1.544 reader: reads t1/0 from 0: 0=#4, high watermark 1
t=1.544 reader: reads t1/1 from 0: 0=#5, high watermark 1
t=1.544 reader: reads t1/2 from 0: 0=#2 1=#6, high watermark 2
t=1.811 node 1 goes on
held: 4 acknowledged, 5 records read, 1 starts
never struck: sync-error
