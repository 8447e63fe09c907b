# A sync of the data directory that fails may have dropped what it was to write, and the next one succeeds and says nothing about that. So
# everybody hears of it. The sync of a checkpoint fails just when the directory of a new partition was made: the partition's own sync comes next,
# and nothing is promised on its strength; the directory is made anew. Then that of another checkpoint fails just when log starts have got
# their new name: they are written anew before anything is deleted.

node seed=3 config=tiny log.flush.offset.checkpoint.interval.ms=100
topic a
produce a/0 x
run 99500us
fault sync-dir-error on=meta after=0
topic b wait=no
run 20ms
produce b/0 y
run 2s
produce b/0 z
power-loss lose=unsynced
start
fetch b/0 from=0
----
c1: created a partitions=1
c1: a/0 offset=0
c1: created b partitions=1
c1: b/0 NOT_LEADER_OR_FOLLOWER
c1: b/0 offset=0
c1: b/0 start=0 hw=1: 0=z

node seed=3 config=tiny log.flush.offset.checkpoint.interval.ms=100
topic a
produce a/0 x size=300
produce a/0 y size=300
produce a/0 z size=300
run 95700us
fault sync-dir-error on=meta after=0
trace on
delete-records a/0 before=2
trace off
files a/0
run 2s
power-loss lose=unsynced
start
fetch a/0 from=0
----
c1: created a partitions=1
c1: a/0 offset=0
c1: a/0 offset=1
c1: a/0 offset=2
t=0.114300 > c1#5 DeleteRecords v2
t=0.114300 < op 60 d0/log-start-offset-checkpoint.tmp create
t=0.114302 > op 60 done
t=0.114302 < op 61 d0/log-start-offset-checkpoint.tmp append 33B at 0
t=0.114375 > op 61 done
t=0.114375 < op 62 d0/log-start-offset-checkpoint.tmp sync
t=0.114543 > wake
t=0.114543 < op 63 d0/recovery-point-offset-checkpoint.tmp create
t=0.114616 > op 63 done
t=0.114616 < op 64 d0/recovery-point-offset-checkpoint.tmp append 34B at 0
t=0.114619 > op 64 done
t=0.114619 < op 65 d0/recovery-point-offset-checkpoint.tmp sync
t=0.115541 > op 65 done
t=0.115541 < op 66 d0/recovery-point-offset-checkpoint.tmp rename to recovery-point-offset-checkpoint
t=0.115551 > op 66 done
t=0.115551 < op 67 d0/. sync dir
t=0.115551 * sync-dir-error strikes
t=0.115571 > op 62 done
t=0.115571 < op 68 d0/log-start-offset-checkpoint.tmp rename to log-start-offset-checkpoint
t=0.115632 > op 68 done
t=0.115632 < op 69 d0/. sync dir
t=0.115964 > op 67 failed: Io
t=0.115964 < note checkpoint-failed: RecoveryPoints: Io, trying again
t=0.117610 > op 69 done
t=0.117610 < note checkpoint-failed: LogStarts: Io, trying again
t=1.007491 > wake
t=1.115964 > wake
t=1.115964 < op 70 d0/recovery-point-offset-checkpoint.tmp create
t=1.116035 > op 70 done
t=1.116035 < op 71 d0/recovery-point-offset-checkpoint.tmp append 34B at 0
t=1.116104 > op 71 done
t=1.116104 < op 72 d0/recovery-point-offset-checkpoint.tmp sync
t=1.117315 > op 72 done
t=1.117315 < op 73 d0/recovery-point-offset-checkpoint.tmp rename to recovery-point-offset-checkpoint
t=1.117343 > op 73 done
t=1.117343 < op 74 d0/. sync dir
t=1.117610 > wake
t=1.117610 < op 75 d0/log-start-offset-checkpoint.tmp create
t=1.117703 > op 75 done
t=1.117703 < op 76 d0/log-start-offset-checkpoint.tmp append 33B at 0
t=1.117729 > op 76 done
t=1.117729 < op 77 d0/log-start-offset-checkpoint.tmp sync
t=1.118994 > op 74 done
t=1.119575 > op 77 done
t=1.119575 < op 78 d0/log-start-offset-checkpoint.tmp rename to log-start-offset-checkpoint
t=1.119598 > op 78 done
t=1.119598 < op 79 d0/. sync dir
t=1.120521 > op 79 done
t=1.120521 < c1#5 DeleteRecords
t=1.120521 < op 80 d2/00000000000000000000.log rename to 00000000000000000000.log.deleted
t=1.120521 < op 81 d2/00000000000000000000.index rename to 00000000000000000000.index.deleted
t=1.120521 < op 82 d2/00000000000000000000.timeindex rename to 00000000000000000000.timeindex.deleted
t=1.120521 < op 83 d2/leader-epoch-checkpoint.tmp create
t=1.120546 > op 82 done
t=1.120609 > op 83 done
t=1.120609 < op 84 d2/leader-epoch-checkpoint.tmp append 8B at 0
t=1.120613 > op 80 done
t=1.120614 > op 84 done
t=1.120614 < op 85 d2/leader-epoch-checkpoint.tmp sync
t=1.120614 > op 81 done
t=1.120614 < op 86 d2/. sync dir
c1: a/0 start=2
00000000000000000000.index.deleted 8
00000000000000000000.log.deleted 740
00000000000000000000.timeindex.deleted 12
00000000000000000002.log 370
00000000000000000002.snapshot 18
leader-epoch-checkpoint 8
leader-epoch-checkpoint.tmp 8
partition.metadata 43
c1: a/0 OFFSET_OUT_OF_RANGE
