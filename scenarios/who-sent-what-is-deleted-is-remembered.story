# Whose batches a segment holds is known to the next life, too, when the segment is deleted: a log begins later only when a snapshot on the disk
# remembers its producers. Otherwise they would be strangers, and a retry would be stored twice.
#
# First the snapshot at a roll is slow, and the process dies before it is there: nothing was deleted. Then somebody waits for it. Then it
# finds no space for a moment, and is tried again; so also before retention takes the segment. On a disk that stays full the reserve is given
# up for it, as for the log start itself. Without a reserve only deleting makes space: it goes on, and that is said.

node seed=1 config=tiny
topic orders
init-producer
produce orders/0 a size=300 seq=0
produce orders/0 b size=300 seq=1
fault stall on=snapshot in=orders/0 for=1s
produce orders/0 x size=300
delete-records orders/0 before=2 wait=no
run 100ms
files orders/0
crash
start
producers orders/0
produce orders/0 b size=300 seq=1
fetch orders/0 from=0
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
00000000000000000000.index 8
00000000000000000000.log 740
00000000000000000000.timeindex 12
00000000000000000002.log 370
00000000000000000002.snapshot.tmp 0
leader-epoch-checkpoint 8
partition.metadata 43
c1: connection lost, outcome unknown
c1: id=0 epoch=0 last-seq=1
c1: orders/0 offset=1
c1: orders/0 start=0 hw=3: 0=a..(300) 1=b..(300)

node seed=1 config=tiny
topic orders
init-producer
produce orders/0 a size=300 seq=0
produce orders/0 b size=300 seq=1
fault stall on=snapshot in=orders/0 for=1s
produce orders/0 x size=300
delete-records orders/0 before=2
files orders/0
power-loss lose=unsynced
start
producers orders/0
produce orders/0 b size=300 seq=1
fetch orders/0 from=2
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 start=2
00000000000000000000.index.deleted 8
00000000000000000000.log.deleted 740
00000000000000000000.timeindex.deleted 12
00000000000000000002.log 370
00000000000000000002.snapshot 96
leader-epoch-checkpoint 8
leader-epoch-checkpoint.tmp 0
partition.metadata 43
c1: id=0 epoch=0 last-seq=1
c1: orders/0 offset=1
c1: orders/0 start=2 hw=3: 2=x..(300)

node seed=1 config=tiny
topic orders
init-producer
produce orders/0 a size=300 seq=0
produce orders/0 b size=300 seq=1
fault no-space on=snapshot in=orders/0
produce orders/0 x size=300
delete-records orders/0 before=2
crash
start
produce orders/0 b size=300 seq=1
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 start=2
c1: orders/0 offset=1

node seed=1 config=tiny
topic orders retention.bytes=300
init-producer
produce orders/0 a size=300 seq=0
produce orders/0 b size=300 seq=1
fault no-space on=snapshot in=orders/0
produce orders/0 x size=300
run 10s
files orders/0
crash
start
produce orders/0 b size=300 seq=1
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
00000000000000000002.log 370
00000000000000000002.snapshot 96
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 offset=1

node seed=1 config=tiny
topic orders
init-producer
produce orders/0 a size=300 seq=0
produce orders/0 b size=300 seq=1
fault no-space on=snapshot in=orders/0
produce orders/0 x size=300
fault disk-full bytes=0 for=60s
delete-records orders/0 before=2
files orders/0
crash
start
produce orders/0 b size=300 seq=1
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 start=2
00000000000000000000.index.deleted 8
00000000000000000000.log.deleted 740
00000000000000000000.timeindex.deleted 12
00000000000000000002.log 370
00000000000000000002.snapshot 96
leader-epoch-checkpoint 8
leader-epoch-checkpoint.tmp 8
partition.metadata 43
c1: orders/0 offset=1

node seed=1 config=tiny ottla.reserve.bytes=0
topic orders
init-producer
produce orders/0 a size=300 seq=0
produce orders/0 b size=300 seq=1
fault no-space on=snapshot in=orders/0
produce orders/0 x size=300
fault no-space on=snapshot in=orders/0
fault no-space on=snapshot in=orders/0
fault no-space on=snapshot in=orders/0
trace on
delete-records orders/0 before=2
trace off
files orders/0
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
t=0.018803 > c1#6 DeleteRecords v2
t=1.007653 > wake
t=1.016712 > wake
t=1.016712 < op 57 d2/00000000000000000002.snapshot.tmp create
t=1.016712 * no-space strikes
t=1.016741 > op 57 failed: NoSpace
t=1.016741 < op 58 d2/00000000000000000002.snapshot.tmp remove
t=1.016815 > op 58 done
t=2.007653 > wake
t=2.016815 > wake
t=2.016815 < op 59 d2/00000000000000000002.snapshot.tmp create
t=2.016815 * no-space strikes
t=2.016819 > op 59 failed: NoSpace
t=2.016819 < op 60 d2/00000000000000000002.snapshot.tmp remove
t=2.016846 > op 60 done
t=3.007653 > wake
t=3.016846 > wake
t=3.016846 < note producers-not-kept: orders-0: records are deleted, and there is no space to write down who sent them: a retry after a crash may be stored twice
t=3.016846 < op 61 d2/00000000000000000002.snapshot.tmp create
t=3.016846 < op 62 d0/log-start-offset-checkpoint.tmp create
t=3.016846 * no-space strikes
t=3.016879 > op 62 done
t=3.016879 < op 63 d0/log-start-offset-checkpoint.tmp append 38B at 0
t=3.016882 > op 61 failed: NoSpace
t=3.016882 < op 64 d2/00000000000000000002.snapshot.tmp remove
t=3.016894 > op 64 done
t=3.016971 > op 63 done
t=3.016971 < op 65 d0/log-start-offset-checkpoint.tmp sync
t=3.017821 > op 65 done
t=3.017821 < op 66 d0/log-start-offset-checkpoint.tmp rename to log-start-offset-checkpoint
t=3.017877 > op 66 done
t=3.017877 < op 67 d0/. sync dir
t=3.018464 > op 67 done
t=3.018464 < c1#6 DeleteRecords
t=3.018464 < op 68 d2/00000000000000000000.log rename to 00000000000000000000.log.deleted
t=3.018464 < op 69 d2/00000000000000000000.index rename to 00000000000000000000.index.deleted
t=3.018464 < op 70 d2/00000000000000000000.timeindex rename to 00000000000000000000.timeindex.deleted
t=3.018464 < op 71 d2/leader-epoch-checkpoint.tmp create
c1: orders/0 start=2
00000000000000000000.index.deleted 8
00000000000000000000.log.deleted 740
00000000000000000000.timeindex.deleted 12
00000000000000000002.log 370
leader-epoch-checkpoint 8
leader-epoch-checkpoint.tmp 0
partition.metadata 43
