# A drive lies about a sector of the checkpoint of log starts: what a recovery point speaks of is known all the same.

world seed=6 log.flush.offset.checkpoint.interval.ms=1
topic t0 partitions=3
topic v0 partitions=3
producer producer0
at 20ms produce v0/1
at 40ms misdirected-write on=any
at 60ms delete-records v0/1
at 80ms produce t0/1
play
----
t=0.003 admin: create t0 partitions=3: done
t=0.004 admin: create v0 partitions=3: done
t=0.020 producer0: #1 to v0/1: offset 0
t=0.060 misdirected-write strikes
t=0.061 admin: delete-records v0/1: done
t=0.081 producer0: #2 to t0/1: offset 0
t=1.004 heal: no more faults
t=6.004 node 1 loses power
t=6.004 node 1 will not start: log-start-offset-checkpoint: an unknown version. Without it deleted records would come back. Restore it, or remove it to accept that
held: 2 acknowledged, 0 records read, 2 starts; excused: 1 start-refused, 1 disk-failed-halted
