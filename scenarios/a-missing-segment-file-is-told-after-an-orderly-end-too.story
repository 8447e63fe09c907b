# Somebody removes a segment file after an orderly end. The start believes what the broker left behind, and looks nevertheless whether each
# segment reaches to the next one: readers would go on behind the gap, and nobody would know.

node seed=145 config=tiny
topic orders
produce orders/0 a size=300
produce orders/0 b size=300
produce orders/0 c size=300
produce orders/0 d size=300
produce orders/0 e size=300
produce orders/0 f size=300
produce orders/0 g size=300
shutdown
fault lost-file on=log in=orders/0
files orders/0
trace on
start
trace off
fetch orders/0
fetch orders/0 from=2
fetch orders/0 from=4
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
c1: orders/0 offset=5
c1: orders/0 offset=6
00000000000000000000.index 8
00000000000000000000.log 740
00000000000000000000.timeindex 12
00000000000000000002.index 8
00000000000000000002.timeindex 12
00000000000000000004.index 8
00000000000000000004.log 740
00000000000000000004.timeindex 12
00000000000000000006.log 370
00000000000000000006.snapshot 18
00000000000000000007.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
t=0.034857 * node 1 starts, life 2
t=0.034857 < note records-missing: orders-0: records from offset 2 to 4 are missing: nobody deleted them, and no file holds them. They count again when their files are put back while the broker is down
t=0.034857 < note bounds: fetch sessions <= 4; bytes that wait for the disk <= 3000 and a batch; requests by the edge's unanswered bytes
t=0.034857 < op 0 d0/.kafka_cleanshutdown remove
t=0.034894 > op 0 done
t=0.034894 < op 5 d0/. sync dir
t=0.036693 > op 5 done
t=0.036693 < op 1 d1/quorum-state.tmp create
t=0.036693 < op 2 d2/00000000000000000006.log truncate to 370B
t=0.036693 < op 3 d2/00000000000000000002.index remove
t=0.036693 < op 4 d2/00000000000000000002.timeindex remove
t=0.036700 > op 2 done
t=0.036720 > op 4 done
t=0.036723 > op 1 done
t=0.036723 < op 6 d1/quorum-state.tmp append 104B at 0
t=0.036726 > op 6 done
t=0.036726 < op 7 d1/quorum-state.tmp sync
t=0.036727 > op 3 done
t=0.036727 < op 8 d2/00000000000000000006.log sync
t=0.036727 < op 9 d2/. sync dir
t=0.037719 > op 9 done
t=0.037980 > op 8 done
t=0.037980 < note log-repaired: orders-0: appends are taken again
t=0.038527 > op 7 done
t=0.038527 < op 10 d1/quorum-state.tmp rename to quorum-state
t=0.038537 > op 10 done
t=0.038537 < op 11 d1/. sync dir
t=0.040424 > op 11 done
t=0.040424 < op 12 d1/00000000000000000000.log append 91B at 815
t=0.040424 < op 13 d1/00000000000000000000.log sync
t=0.040424 < op 14 d1/00000000000000000011.log create
t=0.040424 < op 15 d1/00000000000000000011.log append 366B at 0
t=0.040424 < op 16 d1/00000000000000000011.log sync
t=0.040424 < op 17 d1/00000000000000000011.log append 98B at 366
t=0.040451 > op 14 done
t=0.040451 < op 18 d1/leader-epoch-checkpoint.tmp create
t=0.040451 < op 19 d1/. sync dir
t=0.040471 > op 12 done
t=0.040493 > op 15 done
t=0.040494 > op 17 done
t=0.040520 > op 18 done
t=0.040520 < op 20 d1/leader-epoch-checkpoint.tmp append 13B at 0
t=0.040540 > op 20 done
t=0.040540 < op 21 d1/leader-epoch-checkpoint.tmp sync
t=0.040609 > op 21 done
t=0.040609 < op 22 d1/leader-epoch-checkpoint.tmp rename to leader-epoch-checkpoint
t=0.040671 > op 16 done
t=0.040671 < op 23 d1/00000000000000000011.log sync
t=0.040695 > op 22 done
t=0.040695 < op 24 d1/. sync dir
t=0.040762 > op 19 done
t=0.041505 > op 13 done
t=0.041505 < op 25 d1/00000000000000000000.timeindex create
t=0.041505 < op 26 d1/00000000000000000000.timeindex append 12B at 0
t=0.041505 < op 27 d1/00000000000000000000.timeindex sync
t=0.041505 < op 28 d1/00000000000000000011.snapshot.tmp create
t=0.041516 > op 25 done
t=0.041549 > op 28 done
t=0.041549 < op 29 d1/00000000000000000011.snapshot.tmp append 18B at 0
t=0.041552 > op 26 done
t=0.041609 > op 29 done
t=0.041609 < op 30 d1/00000000000000000011.snapshot.tmp sync
t=0.042072 > op 24 done
t=0.042163 > op 27 done
t=0.042163 < op 31 d1/. sync dir
t=0.042212 > op 23 done
t=0.042781 > op 31 done
t=0.043393 > op 30 done
t=0.043393 < op 32 d1/00000000000000000011.snapshot.tmp rename to 00000000000000000011.snapshot
t=0.043417 > op 32 done
t=0.043417 < op 33 d1/. sync dir
t=0.045343 > op 33 done
c1: orders/0 start=0 hw=7: 0=a..(300) 1=b..(300)
c1: orders/0 start=0 hw=7: 4=e..(300) 5=f..(300)
c1: orders/0 start=0 hw=7: 4=e..(300) 5=f..(300)
