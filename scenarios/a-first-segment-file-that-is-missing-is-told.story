# The first segment file is gone, and no log start was ever written down. The checkpoint of leader epochs still says where the log began: the start says which
# records are missing, and writes down that the log begins there, so that the file counts again when it is put back.

node seed=1 config=tiny
topic orders
produce orders/0 a size=300
produce orders/0 b size=300
produce orders/0 c size=300
produce orders/0 d size=300
produce orders/0 e size=300
run 10m
crash
fault lost-file on=log in=orders/0
files orders/0
trace on
start
trace off
ends orders/0
fetch orders/0
fetch orders/0 from=2
offsets orders/0 at=earliest
run 10m
crash
trace on
start
trace off
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
00000000000000000000.index 8
00000000000000000000.timeindex 12
00000000000000000002.index 8
00000000000000000002.log 740
00000000000000000002.snapshot 18
00000000000000000002.timeindex 12
00000000000000000004.log 370
00000000000000000004.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
t=600.020960 * node 1 starts, life 2
t=600.020960 < note log-recovered: orders-0: intact, 370 bytes checked
t=600.020960 < note records-missing: orders-0: records from offset 0 to 2 are missing: nobody deleted them, and no file holds them. They count again when their files are put back while the broker is down
t=600.020960 < note bounds: fetch sessions <= 4; bytes that wait for the disk <= 3000 and a batch; requests by the edge's unanswered bytes
t=600.020960 < op 0 d1/00000000000000000000.log truncate to 815B
t=600.020960 < op 1 d0/. sync dir
t=600.020960 < op 2 d2/00000000000000000004.log truncate to 370B
t=600.020960 < op 3 d2/00000000000000000000.index remove
t=600.020960 < op 4 d2/00000000000000000000.timeindex remove
t=600.020961 > op 2 done
t=600.020961 < op 5 d2/. sync dir
t=600.020976 > op 3 done
t=600.021039 > op 4 done
t=600.021039 < op 6 d2/00000000000000000004.log sync
t=600.021039 < op 7 d2/. sync dir
t=600.021051 > op 0 done
t=600.021051 < op 8 d1/00000000000000000000.log sync
t=600.021051 < op 9 d1/. sync dir
t=600.021570 > op 8 done
t=600.021618 > op 9 done
t=600.022051 > op 5 done
t=600.022119 > op 1 done
t=600.022119 < op 10 d1/quorum-state.tmp create
t=600.022203 > op 10 done
t=600.022203 < op 11 d1/quorum-state.tmp append 104B at 0
t=600.022217 > op 11 done
t=600.022217 < op 12 d1/quorum-state.tmp sync
t=600.022660 > op 6 done
t=600.023343 > op 12 done
t=600.023343 < op 13 d1/quorum-state.tmp rename to quorum-state
t=600.023387 > op 13 done
t=600.023387 < op 14 d1/. sync dir
t=600.023641 > op 14 done
t=600.023641 < op 15 d1/00000000000000000000.log append 91B at 815
t=600.023641 < op 16 d1/00000000000000000000.log sync
t=600.023641 < op 17 d1/00000000000000000011.log create
t=600.023641 < op 18 d1/00000000000000000011.log append 366B at 0
t=600.023641 < op 19 d1/00000000000000000011.log sync
t=600.023641 < op 20 d1/00000000000000000011.log append 98B at 366
t=600.023701 > op 17 done
t=600.023701 < op 21 d1/leader-epoch-checkpoint.tmp create
t=600.023701 < op 22 d1/. sync dir
t=600.023703 > op 21 done
t=600.023703 < op 23 d1/leader-epoch-checkpoint.tmp append 13B at 0
t=600.023720 > op 18 done
t=600.023731 > op 15 done
t=600.023734 > op 23 done
t=600.023734 < op 24 d1/leader-epoch-checkpoint.tmp sync
t=600.023790 > op 20 done
t=600.023793 > op 7 done
t=600.023793 < note log-repaired: orders-0: appends are taken again
t=600.024481 > op 24 done
t=600.024481 < op 25 d1/leader-epoch-checkpoint.tmp rename to leader-epoch-checkpoint
t=600.024510 > op 25 done
t=600.024510 < op 26 d1/. sync dir
t=600.024544 > op 19 done
t=600.024544 < op 27 d1/00000000000000000011.log sync
t=600.025422 > op 27 done
t=600.025439 > op 16 done
t=600.025439 < op 28 d1/00000000000000000000.timeindex create
t=600.025439 < op 29 d1/00000000000000000000.timeindex append 12B at 0
t=600.025439 < op 30 d1/00000000000000000000.timeindex sync
t=600.025439 < op 31 d1/00000000000000000011.snapshot.tmp create
t=600.025466 > op 31 done
t=600.025466 < op 32 d1/00000000000000000011.snapshot.tmp append 18B at 0
t=600.025534 > op 28 done
t=600.025547 > op 29 done
t=600.025556 > op 32 done
t=600.025556 < op 33 d1/00000000000000000011.snapshot.tmp sync
t=600.025700 > op 22 done
t=600.025834 > op 30 done
t=600.025834 < op 34 d1/. sync dir
t=600.026805 > op 33 done
t=600.026805 < op 35 d1/00000000000000000011.snapshot.tmp rename to 00000000000000000011.snapshot
t=600.026894 > op 35 done
t=600.026894 < op 36 d1/. sync dir
t=600.026985 > op 26 done
t=600.028737 > op 34 done
t=600.028806 > op 36 done
orders/0 start=2 hw=5 durable=5 written=5 end=5
c1: orders/0 OFFSET_OUT_OF_RANGE
c1: orders/0 start=2 hw=5: 2=c..(300) 3=d..(300)
c1: orders/0 offset=2
t=1200.031431 * node 1 starts, life 3
t=1200.031431 < note log-recovered: orders-0: intact, 370 bytes checked
t=1200.031431 < note records-missing: orders-0: records from offset 0 to 2 are missing: nobody deleted them, and no file holds them. They count again when their files are put back while the broker is down
t=1200.031431 < note bounds: fetch sessions <= 4; bytes that wait for the disk <= 3000 and a batch; requests by the edge's unanswered bytes
t=1200.031431 < op 0 d1/00000000000000000011.log truncate to 464B
t=1200.031431 < op 1 d0/. sync dir
t=1200.031431 < op 2 d2/00000000000000000004.log truncate to 370B
t=1200.031437 > op 2 done
t=1200.031437 < op 3 d2/00000000000000000004.log sync
t=1200.031437 < op 4 d2/. sync dir
t=1200.031442 > op 0 done
t=1200.031442 < op 5 d1/00000000000000000011.log sync
t=1200.031442 < op 6 d1/. sync dir
t=1200.031895 > op 1 done
t=1200.031895 < op 7 d1/quorum-state.tmp create
t=1200.031932 > op 7 done
t=1200.031932 < op 8 d1/quorum-state.tmp append 104B at 0
t=1200.031969 > op 8 done
t=1200.031969 < op 9 d1/quorum-state.tmp sync
t=1200.032444 > op 4 done
t=1200.032509 > op 6 done
t=1200.032532 > op 5 done
t=1200.032914 > op 3 done
t=1200.032914 < note log-repaired: orders-0: appends are taken again
t=1200.032934 > op 9 done
t=1200.032934 < op 10 d1/quorum-state.tmp rename to quorum-state
t=1200.032999 > op 10 done
t=1200.032999 < op 11 d1/. sync dir
t=1200.034879 > op 11 done
t=1200.034879 < op 12 d1/00000000000000000011.log append 91B at 464
t=1200.034879 < op 13 d1/00000000000000000011.log sync
t=1200.034879 < op 14 d1/00000000000000000011.log append 366B at 555
t=1200.034879 < op 15 d1/00000000000000000011.log append 98B at 921
t=1200.034940 > op 12 done
t=1200.034940 < op 16 d1/leader-epoch-checkpoint.tmp create
t=1200.034967 > op 14 done
t=1200.034974 > op 16 done
t=1200.034974 < op 17 d1/leader-epoch-checkpoint.tmp append 18B at 0
t=1200.035033 > op 15 done
t=1200.035065 > op 17 done
t=1200.035065 < op 18 d1/leader-epoch-checkpoint.tmp sync
t=1200.035896 > op 18 done
t=1200.035896 < op 19 d1/leader-epoch-checkpoint.tmp rename to leader-epoch-checkpoint
t=1200.035982 > op 19 done
t=1200.035982 < op 20 d1/. sync dir
t=1200.036391 > op 13 done
t=1200.036391 < op 21 d1/00000000000000000011.log sync
t=1200.036847 > op 21 done
t=1200.037278 > op 20 done
