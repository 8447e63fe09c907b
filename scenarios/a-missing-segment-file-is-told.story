# Somebody removes a segment file while the broker is down. The start says which records are missing, serves what is there, and papers nothing
# over: the log start on the disk stays where it was.

node seed=144 config=tiny
topic orders
produce orders/0 a size=300
produce orders/0 b size=300
produce orders/0 c size=300
produce orders/0 d size=300
produce orders/0 e size=300
run 10m
crash
files orders/0
fault lost-file on=log in=orders/0
files orders/0
trace on
start
trace off
ends orders/0
fetch orders/0
fetch orders/0 from=2
fetch orders/0 from=4
produce orders/0 f size=300
offsets orders/0 at=earliest
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
00000000000000000000.index 8
00000000000000000000.log 740
00000000000000000000.timeindex 12
00000000000000000002.index 8
00000000000000000002.log 740
00000000000000000002.snapshot 18
00000000000000000002.timeindex 12
00000000000000000004.log 370
00000000000000000004.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
00000000000000000000.index 8
00000000000000000000.log 740
00000000000000000000.timeindex 12
00000000000000000002.index 8
00000000000000000002.snapshot 18
00000000000000000002.timeindex 12
00000000000000000004.log 370
00000000000000000004.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
t=600.019466 * node 1 starts, life 2
t=600.019466 < note log-recovered: orders-0: intact, 370 bytes checked
t=600.019466 < note records-missing: orders-0: records from offset 2 to 4 are missing: nobody deleted them, and no file holds them. They count again when their files are put back while the broker is down
t=600.019466 < note bounds: fetch sessions <= 4; bytes that wait for the disk <= 3000 and a batch; requests by the edge's unanswered bytes
t=600.019466 < op 0 d0/. sync dir
t=600.020385 > op 0 done
t=600.020385 < op 1 d1/00000000000000000000.log truncate to 815B
t=600.020385 < op 2 d1/quorum-state.tmp create
t=600.020385 < op 3 d2/00000000000000000004.log truncate to 370B
t=600.020385 < op 4 d2/00000000000000000002.index remove
t=600.020385 < op 5 d2/00000000000000000002.timeindex remove
t=600.020406 > op 5 done
t=600.020406 < op 6 d2/. sync dir
t=600.020408 > op 2 done
t=600.020408 < op 7 d1/quorum-state.tmp append 104B at 0
t=600.020423 > op 7 done
t=600.020423 < op 8 d1/quorum-state.tmp sync
t=600.020424 > op 4 done
t=600.020426 > op 1 done
t=600.020426 < op 9 d1/00000000000000000000.log sync
t=600.020426 < op 10 d1/. sync dir
t=600.020473 > op 3 done
t=600.020473 < op 11 d2/00000000000000000004.log sync
t=600.020473 < op 12 d2/. sync dir
t=600.020525 > op 11 done
t=600.020559 > op 8 done
t=600.020559 < op 13 d1/quorum-state.tmp rename to quorum-state
t=600.020629 > op 13 done
t=600.020629 < op 14 d1/. sync dir
t=600.021086 > op 9 done
t=600.021686 > op 10 done
t=600.021688 > op 6 done
t=600.022699 > op 12 done
t=600.022699 < note log-repaired: orders-0: appends are taken again
t=600.023652 > op 14 done
t=600.023652 < op 15 d1/00000000000000000000.log append 91B at 815
t=600.023652 < op 16 d1/00000000000000000000.log sync
t=600.023652 < op 17 d1/00000000000000000011.log create
t=600.023652 < op 18 d1/00000000000000000011.log append 366B at 0
t=600.023652 < op 19 d1/00000000000000000011.log sync
t=600.023652 < op 20 d1/00000000000000000011.log append 98B at 366
t=600.023669 > op 17 done
t=600.023669 < op 21 d1/leader-epoch-checkpoint.tmp create
t=600.023669 < op 22 d1/. sync dir
t=600.023685 > op 15 done
t=600.023710 > op 21 done
t=600.023710 < op 23 d1/leader-epoch-checkpoint.tmp append 13B at 0
t=600.023739 > op 18 done
t=600.023746 > op 23 done
t=600.023746 < op 24 d1/leader-epoch-checkpoint.tmp sync
t=600.023797 > op 20 done
t=600.024135 > op 19 done
t=600.024135 < op 25 d1/00000000000000000011.log sync
t=600.024917 > op 22 done
t=600.024961 > op 16 done
t=600.024961 < op 26 d1/00000000000000000000.timeindex create
t=600.024961 < op 27 d1/00000000000000000000.timeindex append 12B at 0
t=600.024961 < op 28 d1/00000000000000000000.timeindex sync
t=600.024961 < op 29 d1/00000000000000000011.snapshot.tmp create
t=600.024993 > op 26 done
t=600.025024 > op 29 done
t=600.025024 < op 30 d1/00000000000000000011.snapshot.tmp append 18B at 0
t=600.025029 > op 27 done
t=600.025107 > op 30 done
t=600.025107 < op 31 d1/00000000000000000011.snapshot.tmp sync
t=600.025344 > op 24 done
t=600.025344 < op 32 d1/leader-epoch-checkpoint.tmp rename to leader-epoch-checkpoint
t=600.025381 > op 32 done
t=600.025381 < op 33 d1/. sync dir
t=600.025397 > op 25 done
t=600.025758 > op 28 done
t=600.025758 < op 34 d1/. sync dir
t=600.026242 > op 33 done
t=600.026538 > op 31 done
t=600.026538 < op 35 d1/00000000000000000011.snapshot.tmp rename to 00000000000000000011.snapshot
t=600.026589 > op 35 done
t=600.026589 < op 36 d1/. sync dir
t=600.027396 > op 34 done
t=600.029005 > op 36 done
orders/0 start=0 hw=5 durable=5 written=5 end=5
c1: orders/0 start=0 hw=5: 0=a..(300) 1=b..(300)
c1: orders/0 start=0 hw=5: 4=e..(300)
c1: orders/0 start=0 hw=5: 4=e..(300)
c1: orders/0 offset=5
c1: orders/0 offset=0
