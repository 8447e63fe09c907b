# The client that `ottla consume` drives reads while records are deleted and while the broker restarts: what is gone it is told of, and
# goes on at the beginning; what is there it reads once, in order, to the end.

world faults-for=2s
topic t0
producer w
library r reads=all
at 20ms produce t0/0 records=3
at 50ms produce t0/0 records=2
at 60ms pause-client client=r for=200ms
at 70ms produce t0/0 records=2
at 80ms delete-records t0/0 before=6
at 90ms crash
at 400ms produce t0/0
play
----
t=0.004 admin: create t0 partitions=1: done
t=0.020 r: reads t0/0 from 0: 0=#1, high watermark 3
t=0.021 w: #1 to t0/0, 3 records: offset 0
t=0.050 r: reads t0/0 from 3: 3=#2, high watermark 5
t=0.051 w: #2 to t0/0, 2 records: offset 3
t=0.060 pause-client: r for 200ms
t=0.071 w: #3 to t0/0, 2 records: offset 5
t=0.081 admin: delete-records t0/0 before=6: done
t=0.090 node 1 crashes
t=0.190 node 1 starts, life 2
t=0.272 r: reads t0/0 from 6: 6=#3, high watermark 7
t=0.400 r: reads t0/0 from 7: 7=#4, high watermark 8
t=0.400 w: #4 to t0/0: offset 7
t=2.004 heal: no more faults
t=2.005 probe: #5 to t0/0: offset 8
t=2.005 r: reads t0/0 from 8: 8=#5, high watermark 9
t=2.106 reader: reads t0/0 from 6: 6=#3 7=#4 8=#5, high watermark 9
held: 5 acknowledged, 11 records read, 2 starts; excused: 6 deleted
