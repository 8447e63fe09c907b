# Every segment file is taken away, as the documents say to do when the first one is damaged. A snapshot of the producers says how far the log was durable, and
# no recovery point does yet: the log goes on there, so that no offset is given twice, and what is left of its indexes goes for good.

node seed=1 config=tiny
topic orders
init-producer
produce orders/0 a size=300 seq=0
produce orders/0 b size=300 seq=1
produce orders/0 c size=300 seq=2
produce orders/0 d size=300 seq=3
produce orders/0 e size=300 seq=4
run 200ms
crash
fault lost-file on=log in=orders/0
fault lost-file on=log in=orders/0
fault lost-file on=log in=orders/0
files orders/0
trace on
start
trace off
files orders/0
ends orders/0
producers orders/0
produce orders/0 d size=300 seq=3
produce orders/0 e size=300 seq=4
produce orders/0 f size=300 seq=5
produce orders/0 g size=300 seq=6
power-loss lose=unsynced
start
producers orders/0
produce orders/0 g size=300 seq=6
produce orders/0 h size=300 seq=7
fetch orders/0
fetch orders/0 from=4
fetch orders/0 from=6
----
c1: created orders partitions=1
c1: producer id=0 epoch=0
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
00000000000000000000.index 8
00000000000000000000.timeindex 12
00000000000000000002.index 8
00000000000000000002.snapshot 96
00000000000000000002.timeindex 12
00000000000000000004.snapshot 160
leader-epoch-checkpoint 8
partition.metadata 43
t=0.224387 * node 1 starts, life 2
t=0.224387 < note log-recovered: orders-0: records up to offset 4 were on disk once, and the log ends at 0: they are lost
t=0.224387 < note records-missing: orders-0: records from offset 0 to 4 are missing: nobody deleted them, and no file holds them. They count again when their files are put back while the broker is down
t=0.224387 < note bounds: fetch sessions <= 4; bytes that wait for the disk <= 3000 and a batch; requests by the edge's unanswered bytes
t=0.224387 < op 0 d0/. sync dir
t=0.226185 > op 0 done
t=0.226185 < op 1 d1/00000000000000000000.log rewrite 907B at 0
t=0.226185 < op 2 d1/00000000000000000000.log truncate to 907B
t=0.226185 < op 3 d1/quorum-state.tmp create
t=0.226185 < op 4 d2/00000000000000000004.log create
t=0.226185 < op 5 d2/00000000000000000000.index remove
t=0.226185 < op 6 d2/00000000000000000000.timeindex remove
t=0.226185 < op 7 d2/00000000000000000002.index remove
t=0.226185 < op 8 d2/00000000000000000002.timeindex remove
t=0.226192 > op 6 done
t=0.226192 < op 9 d2/. sync dir
t=0.226204 > op 3 done
t=0.226204 < op 10 d1/quorum-state.tmp append 104B at 0
t=0.226219 > op 5 done
t=0.226220 > op 10 done
t=0.226220 < op 11 d1/quorum-state.tmp sync
t=0.226230 > op 4 done
t=0.226242 > op 8 done
t=0.226249 > op 9 done
t=0.226276 > op 7 done
t=0.226276 < op 12 d2/00000000000000000004.log sync
t=0.226276 < op 13 d2/. sync dir
t=0.226277 > op 1 done
t=0.226277 < op 14 d1/. sync dir
t=0.226301 > op 2 done
t=0.226301 < op 15 d1/00000000000000000000.log sync
t=0.226301 < op 16 d1/. sync dir
t=0.226844 > op 14 done
t=0.227366 > op 12 done
t=0.227811 > op 11 done
t=0.227811 < op 17 d1/quorum-state.tmp rename to quorum-state
t=0.227824 > op 17 done
t=0.227824 < op 18 d1/. sync dir
t=0.227897 > op 13 done
t=0.227897 < note log-repaired: orders-0: appends are taken again
t=0.228044 > op 15 done
t=0.228548 > op 16 done
t=0.229673 > op 18 done
t=0.229673 < op 19 d1/00000000000000000000.log append 91B at 907
t=0.229673 < op 20 d1/00000000000000000000.log sync
t=0.229673 < op 21 d1/00000000000000000012.log create
t=0.229673 < op 22 d1/00000000000000000012.log append 366B at 0
t=0.229673 < op 23 d1/00000000000000000012.log sync
t=0.229673 < op 24 d1/00000000000000000012.log append 98B at 366
t=0.229685 > op 21 done
t=0.229685 < op 25 d1/leader-epoch-checkpoint.tmp create
t=0.229685 < op 26 d1/. sync dir
t=0.229717 > op 19 done
t=0.229745 > op 25 done
t=0.229745 < op 27 d1/leader-epoch-checkpoint.tmp append 13B at 0
t=0.229775 > op 22 done
t=0.229787 > op 20 done
t=0.229787 < op 28 d1/00000000000000000000.timeindex create
t=0.229787 < op 29 d1/00000000000000000000.timeindex append 12B at 0
t=0.229787 < op 30 d1/00000000000000000000.timeindex sync
t=0.229787 < op 31 d1/00000000000000000012.snapshot.tmp create
t=0.229815 > op 24 done
t=0.229845 > op 27 done
t=0.229845 < op 32 d1/leader-epoch-checkpoint.tmp sync
t=0.229858 > op 28 done
t=0.229872 > op 31 done
t=0.229872 < op 33 d1/00000000000000000012.snapshot.tmp append 18B at 0
t=0.229886 > op 29 done
t=0.229915 > op 33 done
t=0.229915 < op 34 d1/00000000000000000012.snapshot.tmp sync
t=0.230076 > op 26 done
t=0.230413 > op 23 done
t=0.230413 < op 35 d1/00000000000000000012.log sync
t=0.230485 > op 34 done
t=0.230485 < op 36 d1/00000000000000000012.snapshot.tmp rename to 00000000000000000012.snapshot
t=0.230497 > op 36 done
t=0.230497 < op 37 d1/. sync dir
t=0.230592 > op 32 done
t=0.230592 < op 38 d1/leader-epoch-checkpoint.tmp rename to leader-epoch-checkpoint
t=0.230654 > op 38 done
t=0.230654 < op 39 d1/. sync dir
t=0.230785 > op 37 done
t=0.231793 > op 30 done
t=0.231793 < op 40 d1/. sync dir
t=0.232070 > op 39 done
t=0.232205 > op 35 done
t=0.233846 > op 40 done
00000000000000000002.snapshot 96
00000000000000000004.log 0
00000000000000000004.snapshot 160
leader-epoch-checkpoint 8
partition.metadata 43
orders/0 start=4 hw=4 durable=4 written=4 end=4
c1: id=0 epoch=0 last-seq=3
c1: orders/0 offset=3
c1: orders/0 offset=4
c1: orders/0 offset=5
c1: orders/0 offset=6
c1: id=0 epoch=0 last-seq=6
c1: orders/0 offset=6
c1: orders/0 offset=7
c1: orders/0 OFFSET_OUT_OF_RANGE
c1: orders/0 start=4 hw=8: 4=e..(300) 5=f..(300)
c1: orders/0 start=4 hw=8: 6=g..(300) 7=h..(300)
