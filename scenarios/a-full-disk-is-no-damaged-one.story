# A start on a full disk waits for space. That a bit of a leader-epoch checkpoint of the metadata log turned over before is no reason to end: that
# file is made anew from the log.

world seed=3 ottla.reserve.bytes=0 replica.high.watermark.checkpoint.interval.ms=5
topic t0
producer p
at 10ms produce t0/0
at 15ms bit-flip on=epochs in=__cluster_metadata/0
at 20ms disk-full for=900ms
at 30ms crash
play
----
t=0.004 admin: create t0 partitions=1: done
t=0.011 p: #1 to t0/0: offset 0
t=0.015 bit-flip: __cluster_metadata-0/leader-epoch-checkpoint
t=0.030 node 1 crashes
t=0.130 node 1 starts, life 2
t=0.130 disk-full strikes
t=1.004 heal: no more faults
t=6.004 node 1 loses power
t=6.004 node 1 starts, life 3
t=6.009 probe: #2 to t0/0: offset 1
t=6.110 reader: reads t0/0 from 0: 0=#1 1=#2, high watermark 2
held: 2 acknowledged, 2 records read, 3 starts
