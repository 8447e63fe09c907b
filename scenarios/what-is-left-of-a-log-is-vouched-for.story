# A drive puts a sector elsewhere: the last record of a log is lost, and a batch of an older segment is damaged, both below the recovery
# point. What is left is vouched for as before, so that no later start takes that damage for a torn tail.

world seed=600200971 sync=1ms..10ms log.flush.offset.checkpoint.interval.ms=100 replica.high.watermark.checkpoint.interval.ms=100
topic t0
producer producer0 acks=1
at 20ms produce t0/0 size=45
at 40ms produce t0/0 size=40
at 60ms produce t0/0 size=31
at 80ms produce t0/0 size=39
at 100ms misdirected-write on=any after=7
at 110ms produce t0/0 size=19
at 130ms produce t0/0 size=5
at 231ms produce t0/0 size=38
play
----
t=0.036 admin: create t0 partitions=1: done
t=0.060 producer0: #1 to t0/0: offset 0
t=0.061 producer0: #2 to t0/0: offset 1
t=0.061 producer0: #3 to t0/0: offset 2
t=0.080 producer0: #4 to t0/0: offset 3
t=0.110 producer0: #5 to t0/0: offset 4
t=0.130 producer0: #6 to t0/0: offset 5
t=0.231 producer0: #7 to t0/0: offset 6
t=0.237 misdirected-write strikes
t=1.036 heal: no more faults
t=6.036 node 1 loses power
t=6.036 node 1 starts, life 2
t=6.076 probe: #8 to t0/0: offset 6
t=6.177 reader: reads t0/0 from 0: 0=#1 1=#2 2=#3 3=#4, high watermark 7
t=6.177 reader: reads t0/0 from 4: records that are no whole batches
held: 8 acknowledged, 4 records read, 2 starts
